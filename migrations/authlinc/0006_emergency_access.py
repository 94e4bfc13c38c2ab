from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, tenant_table_policy

ID = "0006_emergency_access"
VERSION = "1.38.0"
DESCRIPTION = "Emergency access to records: who opened whose, why, and until when"

_EITHER = f"{TENANT} OR home_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"

SQL = f"""
-- Belongs to the organization whose records are open; that of who opened them sees it too.
CREATE TABLE authlinc.emergency_access (
    organization_id uuid NOT NULL REFERENCES authlinc.organization (id) ON DELETE RESTRICT,
    id uuid NOT NULL,
    home_organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    patient_id uuid,
    reason bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 hour'),
    ended_at timestamptz,
    ended_by uuid,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX emergency_access_home ON authlinc.emergency_access (home_organization_id, session_id);
{
    tenant_table_policy(
        "authlinc.emergency_access",
        grants="SELECT, INSERT, UPDATE (ended_at, ended_by)",
        using=_EITHER,
        check=_EITHER,
    )
}
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
