from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001_greetings"
VERSION = "1.38.0"
DESCRIPTION = "Greetings"

SQL = f"""
{schema("toylinc")}
CREATE TABLE toylinc.greeting (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    text text NOT NULL,
    counted int NOT NULL,
    PRIMARY KEY (organization_id, id)
);
{tenant_table_policy("toylinc.greeting", grants="SELECT, INSERT, UPDATE (counted)")}
"""


async def forwards() -> MigrationManager:
    return migration("toylinc", ID, DESCRIPTION, SQL)
