"""The states that a claim has after it was decided: asked about, appealed, cancelled, replaced, paid."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0011"
VERSION = "1.38.0"
DESCRIPTION = "more states of a claim"

SQL = """
ALTER TABLE claimlinc.claim DROP CONSTRAINT claim_status_check, ADD CONSTRAINT claim_status_check CHECK (status IN (
    'pending', 'pended', 'approved', 'partial', 'rejected', 'error',
    'information_requested', 'appealed', 'cancelled', 'replaced', 'paid'
)) NOT VALID;
ALTER TABLE claimlinc.claim VALIDATE CONSTRAINT claim_status_check;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
