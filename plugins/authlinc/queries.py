"""The SQL of signing in, of sessions and of a token's user; the services ask the tables for all else.

Arguments that are a moment come from the clock, never from `now()`.
"""

from masterlinc.http.paging import count_sql

FIND_LOGIN = "SELECT * FROM authlinc.find_login($1)"

# Counts an attempt before it is evaluated, so that parallel tries do not get past the limit. No row: a pause is on.
COUNT_ATTEMPT = """
INSERT INTO authlinc.login_attempt AS a (account, failed, paused_until, last_at)
VALUES ($1, 1, CASE WHEN $3::int <= 1 THEN $2::timestamptz + make_interval(secs => $4::int) END, $2)
ON CONFLICT (account) DO UPDATE SET
    failed = CASE WHEN a.last_at < $6 THEN 1 ELSE a.failed + 1 END,
    paused_until = CASE WHEN a.last_at >= $6 AND a.failed + 1 >= $3::int
        THEN $2 + make_interval(secs => least($4::int * power(2, least(a.failed + 1 - $3::int, 12)), $5::int)) END,
    last_at = $2
WHERE a.paused_until IS NULL OR a.paused_until <= $2
RETURNING failed"""
PAUSED_UNTIL = "SELECT paused_until FROM authlinc.login_attempt WHERE account = $1"
# The same by the hour: an office in which somebody mistypes now and then never comes to rest.
COUNT_OF_ADDRESS = """
INSERT INTO authlinc.login_attempt AS a (account, failed, paused_until, last_at)
VALUES ($1, 1, NULL, $2)
ON CONFLICT (account) DO UPDATE SET
    failed = CASE WHEN a.last_at < $6 THEN 1 ELSE a.failed + 1 END,
    paused_until = CASE WHEN a.last_at >= $6 AND a.failed + 1 >= $3::int
        THEN $2 + make_interval(secs => least($4::int * power(2, least(a.failed + 1 - $3, 12)), $5::int)) END,
    last_at = CASE WHEN a.last_at < $6 THEN $2 ELSE a.last_at END
WHERE a.paused_until IS NULL OR a.paused_until <= $2
RETURNING failed"""
ORIGIN_PAUSED = """
SELECT max(paused_until) FROM authlinc.login_attempt WHERE account = ANY ($1::bytea[]) AND paused_until > $2"""

# Counts up to a bound. A row that is there and young is no news: the count that it made was told before.
NOTE_SPREAD = """
WITH noted AS (
    INSERT INTO authlinc.login_spread AS s (source, account, last_at) VALUES ($1, $2, $3)
    ON CONFLICT (source, account) DO UPDATE SET last_at = excluded.last_at WHERE s.last_at < $4
    RETURNING account
)
SELECT CASE WHEN EXISTS (SELECT FROM noted) THEN 1 + (
    SELECT count(*) FROM (
        SELECT 1 FROM authlinc.login_spread WHERE source = $1 AND account <> $2 AND last_at >= $4 LIMIT $5
    ) AS others) ELSE 0 END"""

# A token of a session that was not taken from its owner, of the account that is tried.
SESSION_OF_DEVICE = """
SELECT s.id FROM authlinc.refresh_token t
JOIN authlinc.session s ON s.organization_id = t.organization_id AND s.id = t.session_id
JOIN authlinc.user_account u ON u.organization_id = s.organization_id AND u.id = s.user_id
WHERE t.organization_id = $1 AND t.token_hash = $2 AND u.email_index = $3 AND s.created_at >= $4
    AND coalesce(s.ended_why IN ('logout', 'limit', 'roles'), true)"""
FORGET_ATTEMPTS = "DELETE FROM authlinc.login_attempt WHERE account = $1"

# The row locks hold what is decided about an account still until the session is open.
LOCK_USER = """
SELECT u.organization_id, u.id, u.email, u.email_index, u.password_hash,
    u.password_hash IS NOT NULL AS has_password, u.name, u.name_ar, u.roles, u.disabled_at,
    u.created_at, o.disabled_at AS organization_disabled_at
FROM authlinc.user_account u JOIN authlinc.organization o ON o.id = u.organization_id
WHERE u.organization_id = $1 AND u.id = $2 FOR NO KEY UPDATE OF u FOR SHARE OF o"""

OPEN_SESSION = """
WITH opened AS (
    INSERT INTO authlinc.session (organization_id, id, user_id, created_at, expires_at, opened_by, address)
    VALUES ($1, $2, $3, $4, $5, $8, $9)
)
INSERT INTO authlinc.refresh_token (organization_id, session_id, token_hash, expires_at) VALUES ($1, $2, $6, $7)"""

USE_REFRESH = """
UPDATE authlinc.refresh_token SET used_at = $3
WHERE organization_id = $1 AND token_hash = $2 AND used_at IS NULL
RETURNING session_id, expires_at"""
SESSION_OF_REFRESH = "SELECT session_id FROM authlinc.refresh_token WHERE organization_id = $1 AND token_hash = $2"
ADD_REFRESH = """
WITH seen AS (
    UPDATE authlinc.session SET refreshed_at = $5 WHERE organization_id = $1 AND id = $2
)
INSERT INTO authlinc.refresh_token (organization_id, session_id, token_hash, expires_at) VALUES ($1, $2, $3, $4)"""

# The row lock puts a refresh and an end of the same session one after the other.
LOCK_SESSION = """
SELECT s.expires_at, s.ended_at, u.id AS user_id, u.email, u.roles, u.disabled_at,
    o.disabled_at AS organization_disabled_at
FROM authlinc.session s JOIN authlinc.user_account u ON u.organization_id = s.organization_id AND u.id = s.user_id
JOIN authlinc.organization o ON o.id = s.organization_id
WHERE s.organization_id = $1 AND s.id = $2 FOR UPDATE OF s"""
END_SESSION = """
UPDATE authlinc.session SET ended_at = $3, ended_why = $4
WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL RETURNING id"""

END_SESSIONS_OF = """
UPDATE authlinc.session SET ended_at = $3, ended_why = $4
WHERE organization_id = $1 AND ended_at IS NULL AND expires_at > $3 AND user_id = $2 AND id IS DISTINCT FROM $5
RETURNING id"""
END_SESSIONS_IN = """
UPDATE authlinc.session SET ended_at = $2, ended_why = $3
WHERE organization_id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING id"""
END_BEYOND_LIMIT = """
UPDATE authlinc.session SET ended_at = $3, ended_why = 'limit'
WHERE organization_id = $1 AND id IN (
    SELECT id FROM authlinc.session WHERE organization_id = $1 AND ended_at IS NULL AND expires_at > $3 AND user_id = $2
    ORDER BY coalesce(refreshed_at, created_at) DESC, id DESC OFFSET $4
) RETURNING id"""
OPEN_SESSIONS = """
SELECT id, created_at, refreshed_at, expires_at, opened_by, address FROM authlinc.session
WHERE organization_id = $1 AND ended_at IS NULL AND expires_at > $3 AND user_id = $2
ORDER BY coalesce(refreshed_at, created_at) DESC, id DESC"""

USER = """
SELECT u.id, u.email, u.password_hash IS NOT NULL AS has_password, u.name, u.name_ar, u.roles, u.disabled_at,
    u.created_at, o.disabled_at AS organization_disabled_at
FROM authlinc.user_account u JOIN authlinc.organization o ON o.id = u.organization_id
WHERE u.organization_id = $1 AND u.id = $2"""

USER_AND_HASH = """
SELECT email, email_index, password_hash, name, name_ar FROM authlinc.user_account
WHERE organization_id = $1 AND id = $2"""
IS_USER = "SELECT 1 FROM authlinc.user_account WHERE organization_id = $1 AND id = $2"
USERS = """
SELECT id, email, password_hash IS NOT NULL AS has_password, name, name_ar, roles, disabled_at, created_at
FROM authlinc.user_account WHERE organization_id = $1 AND ($2::bytea IS NULL OR email_index = $2)
ORDER BY id LIMIT $3 OFFSET $4"""
COUNT_USERS = count_sql("""
SELECT id FROM authlinc.user_account WHERE organization_id = $1 AND ($2::bytea IS NULL OR email_index = $2)""")
OWNER_OF_SESSION = "SELECT user_id FROM authlinc.session WHERE organization_id = $1 AND id = $2"

ORGANIZATION = """
SELECT o.id, o.kind, o.name, o.name_ar, o.disabled_at, ARRAY(
    SELECT l.value FROM authlinc.organization_license l WHERE l.organization_id = o.id ORDER BY l.value) AS licenses
FROM authlinc.organization o WHERE o.id = $1"""
LOCK_ORGANIZATION = "SELECT 1 FROM authlinc.organization WHERE id = $1 FOR NO KEY UPDATE"
ORGANIZATIONS = """
SELECT o.id, o.kind, o.name, o.name_ar, o.disabled_at, ARRAY(
    SELECT l.value FROM authlinc.organization_license l WHERE l.organization_id = o.id ORDER BY l.value) AS licenses
FROM authlinc.organization o
WHERE $1::text IS NULL OR o.kind = $1 ORDER BY o.id LIMIT $2 OFFSET $3"""
COUNT_ORGANIZATIONS = count_sql("SELECT 1 FROM authlinc.organization WHERE $1::text IS NULL OR kind = $1")
DROP_LICENSES = "DELETE FROM authlinc.organization_license WHERE organization_id = $1 AND value <> ALL ($2::text[])"
ADD_LICENSES = """
INSERT INTO authlinc.organization_license (organization_id, system, value)
SELECT $1, $2, new.value FROM unnest($3::text[]) AS new (value)
WHERE NOT EXISTS (SELECT FROM authlinc.organization_license l WHERE l.organization_id = $1 AND l.value = new.value)"""

# Who is only invited may never come: an account counts once its owner can sign in, or has.
ADMINISTRATOR = """
SELECT u.id FROM authlinc.user_account u
WHERE u.organization_id = $1 AND u.disabled_at IS NULL AND u.roles && $2::text[] AND (
    u.password_hash IS NOT NULL
    OR EXISTS (SELECT FROM authlinc.session s WHERE s.organization_id = $1 AND s.user_id = u.id))
LIMIT 1"""

OPEN_EMERGENCY_SESSION = """
INSERT INTO authlinc.session (organization_id, id, user_id, created_at, expires_at, opened_by, address)
VALUES ($1, $2, $3, $4, $5, 'break_glass', $6)"""
EMERGENCY_OPEN = """
SELECT id FROM authlinc.emergency_access
WHERE home_organization_id = $1 AND user_id = $2 AND organization_id = $3 AND ended_at IS NULL AND expires_at > $4"""
EMERGENCY = """
SELECT organization_id, home_organization_id, user_id, session_id FROM authlinc.emergency_access WHERE id = $1"""
EMERGENCIES = """
SELECT * FROM authlinc.emergency_access
WHERE (organization_id = $1 OR home_organization_id = $2) AND ($3::uuid IS NULL OR user_id = $3)
ORDER BY id DESC LIMIT $4"""
END_EMERGENCY = """
UPDATE authlinc.emergency_access SET ended_at = $3, ended_by = $4
WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL"""
# An access ends with its session, whoever ended that.
END_EMERGENCIES_OF = """
UPDATE authlinc.emergency_access SET ended_at = $3
WHERE home_organization_id = $1 AND session_id = ANY ($2::uuid[]) AND ended_at IS NULL"""

LOCK_SIGNING_KEYS = "SELECT pg_advisory_xact_lock(7308332045882)"
