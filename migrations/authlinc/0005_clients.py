from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0005_clients"
VERSION = "1.38.0"
DESCRIPTION = "OAuth 2 clients of organizations, and the assertions that they have used"

SQL = f"""
-- A client proves itself with a secret, of which we have a digest, or with a key, of which we have the public half.
CREATE TABLE authlinc.oauth_client (
    organization_id uuid NOT NULL REFERENCES authlinc.organization (id) ON DELETE RESTRICT,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 64),
    secret_hash bytea CHECK (length(secret_hash) = 32),
    public_key text CHECK (length(public_key) BETWEEN 1 AND 2000),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    revoked_at timestamptz,
    PRIMARY KEY (organization_id, id),
    CHECK ((secret_hash IS NULL) <> (public_key IS NULL))
);
CREATE INDEX oauth_client_id ON authlinc.oauth_client (id);
{tenant_table_policy("authlinc.oauth_client", grants="SELECT, INSERT, UPDATE (revoked_at)")}

-- An assertion is taken once, until its time is over anyway.
CREATE TABLE authlinc.client_assertion (
    organization_id uuid NOT NULL,
    client_id uuid NOT NULL,
    jti_hash bytea NOT NULL CHECK (length(jti_hash) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, client_id, jti_hash),
    FOREIGN KEY (organization_id, client_id) REFERENCES authlinc.oauth_client ON DELETE RESTRICT
);
CREATE INDEX client_assertion_age ON authlinc.client_assertion (organization_id, client_id, expires_at);
{tenant_table_policy("authlinc.client_assertion", grants="SELECT, INSERT, DELETE")}

-- A client names itself and no organization: one row, for who knows its exact number.
CREATE FUNCTION authlinc.find_client(wanted uuid)
RETURNS TABLE (
    organization_id uuid, id uuid, scopes text[], secret_hash bytea, public_key text, expires_at timestamptz,
    revoked_at timestamptz, organization_disabled_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.organization_id, c.id, c.scopes, c.secret_hash, c.public_key, c.expires_at, c.revoked_at,
        o.disabled_at
    FROM authlinc.oauth_client c JOIN authlinc.organization o ON o.id = c.organization_id WHERE c.id = wanted
$$;
REVOKE ALL ON FUNCTION authlinc.find_client(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authlinc.find_client(uuid) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
