"""What a decision was made on is kept whole: the terms, what came before, and when the claim came."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0008"
VERSION = "1.38.0"
DESCRIPTION = "facts of decisions"

SQL = """
ALTER TABLE claimlinc.decision_basis RENAME COLUMN terms TO facts;
UPDATE claimlinc.decision_basis SET facts = jsonb_build_object('terms', coalesce(facts, 'null'::jsonb));
ALTER TABLE claimlinc.decision_basis ALTER COLUMN facts SET NOT NULL;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
