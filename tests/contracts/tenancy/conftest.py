"""A database in which every table holds a row of each of two organizations."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

pytest.register_assert_rewrite("tables_of")

from tables_of import Table, insert, loosen, made_up, tables  # noqa: E402

from masterlinc.db import Database  # noqa: E402
from masterlinc.db.embedded import EmbeddedPostgres  # noqa: E402
from masterlinc.db.migrate import KERNEL  # noqa: E402
from masterlinc.ids import new_id  # noqa: E402
from masterlinc.registry import discover  # noqa: E402
from masterlinc.secrets import Secret  # noqa: E402
from masterlinc.settings import DatabaseSettings  # noqa: E402
from masterlinc.testing import NewDatabase  # noqa: E402

SCHEMAS = [KERNEL, *(agent.name for agent in discover()[0])]


@dataclass(frozen=True)
class Filled:
    """The database, its tables, and the two organizations; `root` sees everything, `app` is the role of the process."""

    root: asyncpg.Connection
    app: Database
    tables: list[Table]
    ours: UUID
    theirs: UUID

    @property
    def secured(self) -> list[Table]:
        """The tables under row-level security."""
        return [table for table in self.tables if table.secured]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled(postgres: EmbeddedPostgres, new_database: NewDatabase) -> AsyncIterator[Filled]:
    """Fill it, as nobody but the superuser could."""
    urls = await new_database()
    root = await asyncpg.connect(postgres.dsn("superuser", urls.owner.rpartition("/")[2].partition("?")[0]))
    app = Database(DatabaseSettings(url=Secret(urls.app), pool_size=8))
    await app.open()
    try:
        one = Filled(root, app, await tables(root, SCHEMAS), new_id(), new_id())
        await loosen(root, SCHEMAS)
        for table in one.secured:
            for organization in (one.ours, one.theirs):
                statement, values = insert(table, await made_up(root, table, organization))
                await root.execute(statement, *values)
        yield one
    finally:
        await app.close()
        await root.close()
