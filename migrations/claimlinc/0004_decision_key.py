"""A decision belongs to the provider that sent the claim, whatever licence the claim names."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0004"
VERSION = "1.38.0"
DESCRIPTION = "decisions are known by their provider"

SQL = """
ALTER TABLE claimlinc.decision DROP CONSTRAINT decision_business_key;
ALTER TABLE claimlinc.decision ADD CONSTRAINT decision_business_key UNIQUE NULLS NOT DISTINCT
    (organization_id, provider_organization_id, provider_license, identifier_system, identifier_value, number);
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
