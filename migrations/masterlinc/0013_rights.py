from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0013_rights"
VERSION = "1.38.0"
DESCRIPTION = "Who serves places no audit row itself, and moves no kept answer"

SQL = """
-- Transaction, time and salt of an audit row are the database's word. A row under another transaction's number would lie
-- among those that are sealed, or where no seal and no shipment ever comes.
REVOKE INSERT ON masterlinc.audit_event FROM masterlinc_app;
GRANT INSERT (id, organization_id, actor_id, actor_kind, session_id, trace_id, action, resource, resource_id, patient, outcome,
    detail, address, purpose, actor_organization_id) ON masterlinc.audit_event TO masterlinc_app;

-- A key whose time is over is taken anew; whose it is stays.
REVOKE UPDATE ON masterlinc.idempotency FROM masterlinc_app;
GRANT UPDATE (request_hash, status, response, created_at, expires_at) ON masterlinc.idempotency TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
