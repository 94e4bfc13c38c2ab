"""The system that the matrix asks, and its answers: all of them are asked once."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

pytest.register_assert_rewrite("asking", "cells", "declared", "makers", "peopled")

from asking import Answer, Asker  # noqa: E402
from cells import Cell, Route, cells, routes_of  # noqa: E402
from peopled import Peopled, populate  # noqa: E402

from masterlinc.db.embedded import EmbeddedPostgres  # noqa: E402
from masterlinc.settings import Settings  # noqa: E402
from masterlinc.testing import MakePrincipal, NewDatabase, RunApp, client_of  # noqa: E402


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def peopled(
    run_app: RunApp, new_database: NewDatabase, postgres: EmbeddedPostgres, make_principal: MakePrincipal
) -> AsyncIterator[Peopled]:
    """A system with every agent and the tools for AI, whose workflows stand still."""

    def configure(settings: Settings) -> None:
        settings.engine.concurrency = 0
        settings.tools.enabled = True

    urls = await new_database()
    running = await run_app(urls, configure=configure, nphieslinc={"strictness": "envelope"})
    root = await asyncpg.connect(postgres.dsn("superuser", urls.owner.rpartition("/")[2].partition("?")[0]))
    try:
        yield await populate(running, make_principal, root, *running.services.verifier.rbac.roles)
    finally:
        await root.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asker(peopled: Peopled) -> AsyncIterator[Asker]:
    """Who asks it."""
    async with client_of(peopled.running) as http:
        yield Asker(peopled, http)


@pytest.fixture(scope="session")
def routes(peopled: Peopled) -> list[Route]:
    """Every route that it has."""
    return routes_of(peopled.running.app)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def answers(asker: Asker, routes: list[Route]) -> dict[Cell, Answer]:
    """What every cell of the matrix was answered."""
    return await asker.ask_all(cells(routes, asker.peopled.running.services.verifier.rbac))
