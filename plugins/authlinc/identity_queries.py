"""The SQL of identities at providers."""

FIND_IDENTITY = "SELECT * FROM authlinc.find_identity($1, $2)"
# No row: the state came back before. What is over is cleared away on the way.
USE_STATE = """
WITH gone AS (DELETE FROM authlinc.provider_state WHERE expires_at < $3)
INSERT INTO authlinc.provider_state (state_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
RETURNING state_hash"""
ADD_IDENTITY = """
INSERT INTO authlinc.identity (organization_id, provider, subject_hash, user_id, linked_by, linked_at)
VALUES ($1, $2, $3, $4, $5, $6)"""
DELETE_IDENTITIES = "DELETE FROM authlinc.identity WHERE organization_id = $1 AND user_id = $2 RETURNING provider"
