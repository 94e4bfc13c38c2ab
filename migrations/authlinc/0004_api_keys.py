from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0004_api_keys"
VERSION = "1.38.0"
DESCRIPTION = "API keys of machines and their secrets, as digests"

SQL = f"""
CREATE TABLE authlinc.api_key (
    organization_id uuid NOT NULL REFERENCES authlinc.organization (id) ON DELETE RESTRICT,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 64),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    revoked_at timestamptz,
    last_used_at timestamptz,
    xid bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX api_key_news ON authlinc.api_key (xid);
{tenant_table_policy("authlinc.api_key", grants="SELECT, INSERT, UPDATE (revoked_at, last_used_at, xid)")}

-- A key has one secret, and for a while two when it is rotated.
CREATE TABLE authlinc.api_key_secret (
    organization_id uuid NOT NULL,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    key_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    xid bigint NOT NULL,
    PRIMARY KEY (organization_id, secret_hash),
    FOREIGN KEY (organization_id, key_id) REFERENCES authlinc.api_key ON DELETE RESTRICT
);
CREATE INDEX api_key_secret_news ON authlinc.api_key_secret (xid);
CREATE INDEX api_key_secret_of ON authlinc.api_key_secret (organization_id, key_id);
{tenant_table_policy("authlinc.api_key_secret", grants="SELECT, INSERT, UPDATE (expires_at, xid)")}

-- Every process knows the keys of all organizations beforehand, so that no request with a key asks the database: what
-- changed since a transaction, digests and rights only.
CREATE FUNCTION authlinc.api_key_news(since bigint)
RETURNS TABLE (secret_hash bytea, organization_id uuid, key_id uuid, scopes text[], until timestamptz, revoked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.secret_hash, k.organization_id, k.id, k.scopes, least(s.expires_at, k.expires_at), k.revoked_at IS NOT NULL
    FROM authlinc.api_key k JOIN authlinc.api_key_secret s ON s.organization_id = k.organization_id AND s.key_id = k.id
    WHERE k.xid >= since OR s.xid >= since
$$;
REVOKE ALL ON FUNCTION authlinc.api_key_news(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authlinc.api_key_news(bigint) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
