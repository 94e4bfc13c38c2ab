"""A policy is proposed and approved as terms are."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0008"
VERSION = "1.38.0"
DESCRIPTION = "policies are proposed"

_KINDS = """
ALTER TABLE policylinc.proposal DROP CONSTRAINT proposal_kind_check;
ALTER TABLE policylinc.proposal ADD CONSTRAINT proposal_kind_check
    CHECK (kind IN ('product', 'price_list', 'service_rules', 'network', 'payer', 'policy'));
"""


async def forwards() -> MigrationManager:
    return migration("policylinc", ID, DESCRIPTION, _KINDS)
