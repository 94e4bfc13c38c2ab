"""A payer's rules may say for which diagnoses a service is done."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0006"
VERSION = "1.38.0"
DESCRIPTION = "service rules on diagnoses"

SQL = """
ALTER TABLE policylinc.service_rule DROP CONSTRAINT service_rule_kind_check;
ALTER TABLE policylinc.service_rule ADD CONSTRAINT service_rule_kind_check
    CHECK (kind IN ('exclusion', 'authorization', 'waiting', 'age', 'sex', 'frequency', 'diagnosis'));
ALTER TABLE policylinc.service_rule ADD CONSTRAINT service_rule_pairs
    CHECK (kind <> 'diagnosis' OR (cardinality(codes) > 0 AND cardinality(diagnoses) > 0));
"""


async def forwards() -> MigrationManager:
    return migration("policylinc", ID, DESCRIPTION, SQL)
