from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest_asyncio

from masterlinc import runtime
from masterlinc.agent import Agent
from masterlinc.context import Services
from masterlinc.db.embedded import EmbeddedPostgres, ensure_database
from masterlinc.ids import new_id
from masterlinc.registry import assemble
from masterlinc.testing import DatabaseUrls, NewDatabase, settings_for

Kernel = Callable[..., Awaitable[Services]]


@pytest_asyncio.fixture(loop_scope="session")
async def kernel(new_database: NewDatabase) -> AsyncIterator[Kernel]:
    """Make the kernel's parts with agents of the test's own, over a database of its own; nothing runs by itself."""
    opened: list[Services] = []

    async def make(
        *agents: Agent, urls: DatabaseUrls | None = None, lease_seconds: float = 30.0, connections: int = 6
    ) -> Services:
        settings = settings_for(urls or await new_database())
        settings.agents = {}
        settings.engine.lease_seconds, settings.engine.connections = lease_seconds, connections
        services = runtime.build(settings, assemble(settings, agents))
        await services.db.open()
        opened.append(services)
        return services

    yield make
    for services in opened:
        await services.db.close()
        await services.http.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def empty(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A database that no migration has touched."""
    name = f"t{new_id().hex}"
    connection = await asyncpg.connect(postgres.dsn("superuser", "postgres"))
    try:
        await ensure_database(connection, name)
    finally:
        await connection.close()
    return DatabaseUrls(postgres.dsn("owner", name), postgres.dsn("app", name))
