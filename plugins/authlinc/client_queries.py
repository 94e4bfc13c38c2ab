"""The SQL of OAuth 2 clients.

Arguments that are a moment come from the clock, never from `now()`.
"""

FIND_CLIENT = "SELECT * FROM authlinc.find_client($1)"
LOCK_CLIENTS = "SELECT pg_advisory_xact_lock(hashtextextended('authlinc.oauth_client/' || $1::uuid, 0))"
COUNT_CLIENTS = """
SELECT count(*) FROM authlinc.oauth_client WHERE organization_id = $1 AND revoked_at IS NULL AND expires_at > $2"""
ADD_CLIENT = """
INSERT INTO authlinc.oauth_client
    (organization_id, id, name, scopes, secret_hash, public_key, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
CLIENT = """
SELECT id, name, scopes, public_key IS NOT NULL AS has_key, created_by, created_at, expires_at, revoked_at
FROM authlinc.oauth_client WHERE organization_id = $1 AND id = $2"""
PAGE_OF_CLIENTS = """
SELECT id, name, scopes, public_key IS NOT NULL AS has_key, created_by, created_at, expires_at, revoked_at
FROM authlinc.oauth_client WHERE organization_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"""
COUNT_ALL = """
SELECT count(*) FROM (SELECT 1 FROM authlinc.oauth_client WHERE organization_id = $1 LIMIT 1001) AS counted"""
CLIENT_IDS = "SELECT id FROM authlinc.oauth_client WHERE organization_id = $1 AND revoked_at IS NULL"
REVOKE_CLIENT = """
UPDATE authlinc.oauth_client SET revoked_at = $3
WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id"""
# No row: the assertion was used before. What is over is cleared away on the way.
USE_ASSERTION = """
WITH gone AS (
    DELETE FROM authlinc.client_assertion WHERE organization_id = $1 AND client_id = $2 AND expires_at < $5
)
INSERT INTO authlinc.client_assertion (organization_id, client_id, jti_hash, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING client_id"""
