"""Statements that migrations share; all DDL is raw SQL inside Piccolo's migration files."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.engine import CURRENT

TENANT = "organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"


def migration(app: str, identifier: str, description: str, sql: str) -> MigrationManager:
    """Wrap SQL as a Piccolo migration; it runs in the runner's transaction, as the role `owner`."""

    async def execute() -> None:
        transaction = CURRENT.get()
        assert transaction is not None, "the runner opens the transaction"
        await transaction.connection.execute(sql)

    manager = MigrationManager(migration_id=identifier, app_name=app, description=description)
    manager.add_raw(execute)
    return manager


def tenant_table_policy(table: str, *, grants: str = "SELECT, INSERT", using: str = TENANT, check: str = TENANT) -> str:
    """Return the statements that put a table under row-level security and grant it to `app`."""
    name = table.replace(".", "_")
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {name}_tenant ON {table} USING ({using}) WITH CHECK ({check});
GRANT {grants} ON {table} TO masterlinc_app;
"""


def schema(name: str) -> str:
    """Return the statements that make an agent's schema and open it to `app`."""
    return f"CREATE SCHEMA IF NOT EXISTS {name};\nGRANT USAGE ON SCHEMA {name} TO masterlinc_app;\n"


def partitioned(table: str) -> str:
    """Return the statement that registers a table partitioned by UUIDv7 and makes its first partitions."""
    registered = f"INSERT INTO masterlinc.partitioned_table (name) VALUES ('{table}');"  # noqa: S608 - our own name
    return f"{registered}\nSELECT masterlinc.ensure_partitions(3);\n"
