"""A payer's rules may say which services include others."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0007"
VERSION = "1.38.0"
DESCRIPTION = "service rules on packages"

SQL = """
ALTER TABLE policylinc.service_rule ADD COLUMN includes text[] NOT NULL DEFAULT '{}';
ALTER TABLE policylinc.service_rule ALTER COLUMN includes DROP DEFAULT;
ALTER TABLE policylinc.service_rule DROP CONSTRAINT service_rule_kind_check;
ALTER TABLE policylinc.service_rule ADD CONSTRAINT service_rule_kind_check
    CHECK (kind IN ('exclusion', 'authorization', 'waiting', 'age', 'sex', 'frequency', 'diagnosis', 'package'));
ALTER TABLE policylinc.service_rule ADD CONSTRAINT service_rule_includes
    CHECK (CASE kind WHEN 'package' THEN cardinality(codes) > 0 AND cardinality(includes) > 0
        ELSE cardinality(includes) = 0 END);
"""


async def forwards() -> MigrationManager:
    return migration("policylinc", ID, DESCRIPTION, SQL)
