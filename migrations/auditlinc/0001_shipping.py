from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001_shipping"
VERSION = "1.38.0"
DESCRIPTION = "Events that other systems reported, and up to where the audit was shipped"

SQL = f"""
{schema("auditlinc")}

-- Which row of the audit a reported event is; the same event reported again is the same row.
CREATE TABLE auditlinc.reported (
    organization_id uuid NOT NULL,
    event_key bytea NOT NULL CHECK (length(event_key) = 16),
    content bytea NOT NULL CHECK (length(content) = 16),
    event_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (organization_id, event_key),
    UNIQUE (organization_id, event_id)
);
{tenant_table_policy("auditlinc.reported")}

-- Up to where the audit was shipped, whose turn it is, and which seal was told last.
CREATE TABLE auditlinc.shipment (
    target text PRIMARY KEY CHECK (length(target) BETWEEN 1 AND 60),
    at_xid xid8 NOT NULL,
    at_id uuid NOT NULL,
    shipped bigint NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    told_seal bigint NOT NULL DEFAULT 0 CHECK (told_seal >= 0),
    fence bigint NOT NULL DEFAULT 0,
    lease_owner uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    changed_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON auditlinc.shipment TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("auditlinc", ID, DESCRIPTION, SQL)
