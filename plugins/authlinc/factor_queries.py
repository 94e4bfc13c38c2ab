"""The SQL of second factors and of the challenges that ask for them.

Arguments that are a moment come from the clock, never from `now()`.
"""

HOLDER = """
SELECT u.id, u.email, u.email_index, u.roles, u.disabled_at, u.password_hash, f.secret, f.confirmed_at
FROM authlinc.user_account u
LEFT JOIN authlinc.second_factor f ON f.organization_id = u.organization_id AND f.user_id = u.id
WHERE u.organization_id = $1 AND u.id = $2"""

# A factor that is confirmed is never replaced: no row comes back.
PUT_FACTOR = """
INSERT INTO authlinc.second_factor AS f (organization_id, user_id, secret, created_at, last_step)
VALUES ($1, $2, $3, $4, 0)
ON CONFLICT (organization_id, user_id) DO UPDATE SET secret = $3, created_at = $4, last_step = 0
WHERE f.confirmed_at IS NULL
RETURNING user_id"""
CONFIRM_FACTOR = """
UPDATE authlinc.second_factor SET confirmed_at = $3, last_step = $4
WHERE organization_id = $1 AND user_id = $2 AND confirmed_at IS NULL AND secret = $5
RETURNING user_id"""
# The row lock puts two uses of one code one after the other, and the second finds it taken.
USE_STEP = """
UPDATE authlinc.second_factor SET last_step = $3
WHERE organization_id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL AND last_step < $3
RETURNING user_id"""
DELETE_FACTOR = "DELETE FROM authlinc.second_factor WHERE organization_id = $1 AND user_id = $2 RETURNING confirmed_at"

ADD_CODES = """
INSERT INTO authlinc.recovery_code (organization_id, user_id, code_hash) SELECT $1, $2, * FROM unnest($3::bytea[])"""
DELETE_CODES = "DELETE FROM authlinc.recovery_code WHERE organization_id = $1 AND user_id = $2"
USE_CODE = """
UPDATE authlinc.recovery_code SET used_at = $4
WHERE organization_id = $1 AND user_id = $2 AND code_hash = $3 AND used_at IS NULL
RETURNING user_id"""
CODES_LEFT = """
SELECT count(*) FROM authlinc.recovery_code WHERE organization_id = $1 AND user_id = $2 AND used_at IS NULL"""

ADD_CHALLENGE = """
WITH gone AS (DELETE FROM authlinc.login_challenge WHERE organization_id = $1 AND user_id = $3 AND expires_at <= $8)
INSERT INTO authlinc.login_challenge
    (organization_id, challenge_hash, user_id, purpose, proven, password_mark, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
CHALLENGE = """
SELECT user_id, purpose, proven, password_mark FROM authlinc.login_challenge
WHERE organization_id = $1 AND challenge_hash = $2 AND used_at IS NULL AND expires_at > $3"""
USE_CHALLENGE = """
UPDATE authlinc.login_challenge SET used_at = $3
WHERE organization_id = $1 AND challenge_hash = $2 AND used_at IS NULL AND expires_at > $3
RETURNING user_id"""
DELETE_CHALLENGES = "DELETE FROM authlinc.login_challenge WHERE organization_id = $1 AND user_id = $2"

# The first step was right and another follows: that try counts no more, and the pause that it began ends.
TAKE_BACK_TRY = """
WITH gone AS (DELETE FROM authlinc.login_attempt WHERE account = $1 AND failed = 1)
UPDATE authlinc.login_attempt SET failed = failed - 1, paused_until = NULL WHERE account = $1 AND failed > 1"""
