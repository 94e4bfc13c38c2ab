"""The SQL of signing in, of sessions and of a token's user; the services ask the tables for all else.

Arguments that are a moment come from the clock, never from `now()`.
"""

FIND_LOGIN = "SELECT * FROM authlinc.find_login($1)"

# Counts an attempt before it is evaluated, so that parallel tries do not get past the limit. No row: a pause is on.
COUNT_ATTEMPT = """
INSERT INTO authlinc.login_attempt AS a (account, failed, paused_until, last_at)
VALUES ($1, 1, NULL, $2)
ON CONFLICT (account) DO UPDATE SET
    failed = CASE WHEN a.last_at < $6 THEN 1 ELSE a.failed + 1 END,
    paused_until = CASE WHEN a.last_at >= $6 AND a.failed + 1 >= $3::int
        THEN $2 + make_interval(secs => least($4::int * power(2, least(a.failed + 1 - $3, 12)), $5::int)) END,
    last_at = $2
WHERE a.paused_until IS NULL OR a.paused_until <= $2
RETURNING failed"""
PAUSED_UNTIL = "SELECT paused_until FROM authlinc.login_attempt WHERE account = $1"
FORGET_ATTEMPTS = "DELETE FROM authlinc.login_attempt WHERE account = $1"

# The row lock holds what is decided about an account still until the session is open.
LOCK_USER = """
SELECT organization_id, id, email, password_hash, roles, disabled_at
FROM authlinc.user_account WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE"""

OPEN_SESSION = """
WITH opened AS (
    INSERT INTO authlinc.session (organization_id, id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
)
INSERT INTO authlinc.refresh_token (organization_id, session_id, token_hash, expires_at) VALUES ($1, $2, $6, $7)"""

USE_REFRESH = """
UPDATE authlinc.refresh_token SET used_at = $3
WHERE organization_id = $1 AND token_hash = $2 AND used_at IS NULL
RETURNING session_id, expires_at"""
SESSION_OF_REFRESH = "SELECT session_id FROM authlinc.refresh_token WHERE organization_id = $1 AND token_hash = $2"
ADD_REFRESH = """
INSERT INTO authlinc.refresh_token (organization_id, session_id, token_hash, expires_at) VALUES ($1, $2, $3, $4)"""

# The row lock puts a refresh and an end of the same session one after the other.
LOCK_SESSION = """
SELECT s.expires_at, s.ended_at, u.id AS user_id, u.email, u.roles, u.disabled_at
FROM authlinc.session s JOIN authlinc.user_account u ON u.organization_id = s.organization_id AND u.id = s.user_id
WHERE s.organization_id = $1 AND s.id = $2 FOR UPDATE OF s"""
END_SESSION = """
UPDATE authlinc.session SET ended_at = $3, ended_why = $4
WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL RETURNING id"""

USER = """
SELECT id, email, name, name_ar, roles, disabled_at FROM authlinc.user_account WHERE organization_id = $1 AND id = $2"""

LOCK_SIGNING_KEYS = "SELECT pg_advisory_xact_lock(7308332045882)"
