"""What the tests of the audit share: an application over a database of its own, and a connection of its owner."""

from datetime import UTC, datetime

import asyncpg
import pytest_asyncio

from masterlinc.testing import FixedClock


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def audited(run_app, new_database):
    """An application whose clock a test moves, with the addresses of its database."""
    urls = await new_database()
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(urls=urls, clock=clock)
    return running, urls, clock


@pytest_asyncio.fixture(loop_scope="session")
async def owner(audited):
    """A connection of the role that owns the tables."""
    connection = await asyncpg.connect(audited[1].owner)
    yield connection
    await connection.close()
