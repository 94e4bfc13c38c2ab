"""The SQL of API keys.

Arguments that are a moment come from the clock, never from `now()`.
"""

# A row is seen at its commit, not when it is written: so the next look starts at the oldest transaction still open.
NEWS = """
SELECT n.*, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next
FROM (SELECT 1) AS always LEFT JOIN authlinc.api_key_news($1) AS n ON true"""

CLOSED_ORGANIZATIONS = "SELECT id FROM authlinc.organization WHERE disabled_at IS NOT NULL"

LOCK_KEYS = "SELECT pg_advisory_xact_lock(hashtextextended('authlinc.api_key/' || $1::uuid, 0))"
COUNT_KEYS = """
SELECT count(*) FROM authlinc.api_key WHERE organization_id = $1 AND revoked_at IS NULL AND expires_at > $2"""
ADD_KEY = """
WITH made AS (
    INSERT INTO authlinc.api_key (organization_id, id, name, scopes, created_by, created_at, expires_at, xid)
    VALUES ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id()::text::bigint)
)
INSERT INTO authlinc.api_key_secret (organization_id, secret_hash, key_id, created_at, expires_at, xid)
VALUES ($1, $8, $2, $6, $7, pg_current_xact_id()::text::bigint)"""
KEY = """
SELECT id, name, scopes, created_by, created_at, expires_at, revoked_at, last_used_at
FROM authlinc.api_key WHERE organization_id = $1 AND id = $2"""
LOCK_KEY = KEY + " FOR NO KEY UPDATE"
PAGE_OF_KEYS = """
SELECT id, name, scopes, created_by, created_at, expires_at, revoked_at, last_used_at
FROM authlinc.api_key WHERE organization_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"""
COUNT_ALL = """
SELECT count(*) FROM (SELECT 1 FROM authlinc.api_key WHERE organization_id = $1 LIMIT 1001) AS counted"""
ROTATE_KEY = """
WITH old AS (
    UPDATE authlinc.api_key_secret SET expires_at = least(expires_at, $6), xid = pg_current_xact_id()::text::bigint
    WHERE organization_id = $1 AND key_id = $3
)
INSERT INTO authlinc.api_key_secret (organization_id, secret_hash, key_id, created_at, expires_at, xid)
VALUES ($1, $2, $3, $4, $5, pg_current_xact_id()::text::bigint)"""
REVOKE_KEY = """
UPDATE authlinc.api_key SET revoked_at = $3, xid = pg_current_xact_id()::text::bigint
WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id"""
TOUCH_KEYS = """
UPDATE authlinc.api_key k SET last_used_at = greatest(k.last_used_at, u.at)
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS u (organization_id, id, at)
WHERE k.organization_id = u.organization_id AND k.id = u.id"""
