"""Roles and databases of the embedded server."""

from collections.abc import Mapping
from typing import Any

OWNER = "masterlinc_owner"
APP = "masterlinc_app"
DATABASE = "masterlinc"


async def ensure_roles(connection: Any, passwords: Mapping[str, str]) -> None:
    """Make the roles that are missing: the owner migrates, the app can bypass nothing."""
    present = set(await connection.fetchval("SELECT coalesce(array_agg(rolname), '{}') FROM pg_roles"))
    for role in (OWNER, APP):
        if role not in present:
            await connection.execute(
                f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
                f"PASSWORD '{passwords[role]}'"
            )


async def ensure_database(connection: Any, name: str = DATABASE, template: str = "template1") -> None:
    """Make a database of the owner that only our roles may enter."""
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}"')
    await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {APP}')
