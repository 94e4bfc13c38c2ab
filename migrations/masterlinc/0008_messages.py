from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0008_messages"
VERSION = "1.38.0"
DESCRIPTION = "Inboxes of agents"

SQL = f"""
-- A message lies in its receiver's inbox from the commit on. Where its type is a task of the receiver, a workflow runs
-- that task, and the message's state is that of the workflow.
CREATE TABLE masterlinc.message (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    sender text NOT NULL CHECK (length(sender) BETWEEN 1 AND 64),
    receiver text NOT NULL CHECK (length(receiver) BETWEEN 1 AND 64),
    message_type text NOT NULL CHECK (length(message_type) BETWEEN 1 AND 128),
    message_key text CHECK (length(message_key) BETWEEN 1 AND 200),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 16),
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
    content bytea NOT NULL,
    sent_by uuid NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    workflow_id uuid,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT message_delivered_or_worked_on CHECK (delivered_at IS NOT NULL OR workflow_id IS NOT NULL),
    CONSTRAINT message_acknowledged_by_somebody CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE UNIQUE INDEX message_sent_once ON masterlinc.message (organization_id, sender, message_key)
    WHERE message_key IS NOT NULL;
CREATE INDEX message_inbox ON masterlinc.message (organization_id, receiver, priority, id);
CREATE INDEX message_open ON masterlinc.message (organization_id, receiver, priority, id) WHERE acknowledged_at IS NULL;
{
    tenant_table_policy(
        "masterlinc.message",
        grants="SELECT, INSERT, UPDATE (workflow_id, acknowledged_at, acknowledged_by)",
    )
}
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
