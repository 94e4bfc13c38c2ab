from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0008_identities"
VERSION = "1.38.0"
DESCRIPTION = "Users' identities at providers, and the sign-ins that came back from there"

SQL = f"""
-- A provider's name for a user, as a digest: an administrator linked the two, and nothing else does.
CREATE TABLE authlinc.identity (
    organization_id uuid NOT NULL,
    provider text NOT NULL CHECK (length(provider) BETWEEN 1 AND 40),
    subject_hash bytea NOT NULL CHECK (length(subject_hash) = 32),
    user_id uuid NOT NULL,
    linked_by uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, provider, subject_hash),
    UNIQUE (provider, subject_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT
);
CREATE INDEX identity_user ON authlinc.identity (organization_id, user_id);
{tenant_table_policy("authlinc.identity", grants="SELECT, INSERT, DELETE")}

-- A state that came back is taken once. Holds digests of random texts, and no organization: nobody is known yet.
CREATE TABLE authlinc.provider_state (
    state_hash bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    expires_at timestamptz NOT NULL
);
CREATE INDEX provider_state_age ON authlinc.provider_state (expires_at);
GRANT SELECT, INSERT, DELETE ON authlinc.provider_state TO masterlinc_app;

CREATE FUNCTION authlinc.find_identity(name text, wanted bytea) RETURNS TABLE (organization_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT i.organization_id, i.user_id FROM authlinc.identity i WHERE i.provider = name AND i.subject_hash = wanted
$$;
REVOKE ALL ON FUNCTION authlinc.find_identity(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authlinc.find_identity(text, bytea) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
