from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0003_idempotency"
VERSION = "1.38.0"
DESCRIPTION = "Answers that were given under an Idempotency-Key"

SQL = f"""
CREATE TABLE masterlinc.idempotency (
    organization_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    route text NOT NULL CHECK (length(route) BETWEEN 3 AND 300),
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    status smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    response bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    PRIMARY KEY (organization_id, principal_id, route, key_hash)
);
CREATE INDEX idempotency_by_expiry ON masterlinc.idempotency (expires_at);
{tenant_table_policy("masterlinc.idempotency", grants="SELECT, INSERT, UPDATE")}

-- Every organization's, so it runs as the owner; a batch keeps its locks short.
CREATE FUNCTION masterlinc.forget_idempotency(until timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM masterlinc.idempotency WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM masterlinc.idempotency WHERE expires_at <= least(until, now()) ORDER BY expires_at
        LIMIT least(batch, 10000) FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION masterlinc.forget_idempotency(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.forget_idempotency(timestamptz, int) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
