"""Dependants are found by whose they are."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0005"
VERSION = "1.38.0"
DESCRIPTION = "members by sponsor"

_INDEXES = """
CREATE INDEX member_by_sponsor ON policylinc.member (organization_id, sponsor_id) WHERE sponsor_id IS NOT NULL;
CREATE INDEX member_change_by_sponsor ON policylinc.member_change (organization_id, sponsor_id)
    WHERE sponsor_id IS NOT NULL;
"""


async def forwards() -> MigrationManager:
    return migration("policylinc", ID, DESCRIPTION, _INDEXES)
