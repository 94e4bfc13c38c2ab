import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from masterlinc.agent import Agent
from masterlinc.db import Database
from masterlinc.db.migrate import Folder, folders_of, migrate, pending
from masterlinc.errors import StartupError
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import DatabaseUrls

FILE = """
from masterlinc.db.ddl import migration

async def forwards():
    return migration("toy", "{name}", "A toy's table", {sql!r})
"""


@pytest_asyncio.fixture(loop_scope="session")
async def owner(empty: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role `owner`."""
    connection = await asyncpg.connect(empty.owner)
    yield connection
    await connection.close()


@pytest.fixture
def toy(tmp_path: Path) -> Folder:
    """Migrations of a toy agent."""
    return Folder("toy", tmp_path)


def write(folder: Folder, name: str, sql: str) -> None:
    (folder.path / f"{name}.py").write_text(FILE.format(name=name, sql=sql), encoding="utf-8")


async def ran(owner: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await owner.fetch("SELECT name FROM masterlinc.migration ORDER BY name")]


async def test_what_has_run_does_not_run_again(empty, owner, toy):
    write(toy, "0001_first", "CREATE TABLE public.first (id int)")
    assert await migrate(empty.owner, [toy]) == 1
    write(toy, "0002_second", "CREATE TABLE public.second (id int)")
    told: list[str] = []
    assert await migrate(empty.owner, [toy], told.append) == 1
    assert await migrate(empty.owner, [toy]) == 0
    assert told == ["toy/0002_second"]
    assert await ran(owner) == ["0001_first", "0002_second"]


async def test_two_migrators_at_once_run_each_migration_once(empty, owner, toy):
    for number in range(1, 6):
        write(toy, f"000{number}_table", f"CREATE TABLE public.table{number} (id int); SELECT pg_sleep(0.02)")
    counts = await asyncio.gather(*(migrate(empty.owner, [toy]) for _ in range(3)))
    assert sorted(counts) == [0, 0, 5]
    assert len(await ran(owner)) == 5


async def test_a_failing_migration_leaves_nothing_and_those_before_it_stay(empty, owner, toy):
    write(toy, "0001_good", "CREATE TABLE public.good (id int)")
    write(toy, "0002_bad", "CREATE TABLE public.half (id int); SELECT 1 / 0")
    write(toy, "0003_never", "CREATE TABLE public.never (id int)")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty.owner, [toy])
    assert await ran(owner) == ["0001_good"]
    assert await owner.fetchval("SELECT to_regclass('public.half') IS NULL AND to_regclass('public.never') IS NULL")
    write(toy, "0002_bad", "CREATE TABLE public.half (id int)")
    assert await migrate(empty.owner, [toy]) == 2


async def test_a_migration_does_not_wait_long_for_a_lock(empty, owner, toy):
    write(toy, "0001_table", "CREATE TABLE public.busy (id int)")
    await migrate(empty.owner, [toy])
    write(toy, "0002_column", "ALTER TABLE public.busy ADD COLUMN more int")
    async with owner.transaction():
        await owner.execute("LOCK TABLE public.busy IN ACCESS SHARE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate(empty.owner, [toy])
    assert await migrate(empty.owner, [toy]) == 1


async def test_what_is_pending_is_listed(empty, toy):
    write(toy, "0001_first", "SELECT 1")
    database = Database(DatabaseSettings(url=Secret(empty.owner), pool_size=1))
    await database.open()
    try:
        assert await pending(database, [toy]) == ["masterlinc: every one"]
        await migrate(empty.owner, [toy])
        assert await pending(database, [toy]) == []
        write(toy, "0002_second", "SELECT 1")
        write(toy, "0003_third", "SELECT 1")
        assert await pending(database, [toy]) == ["toy/0002_second", "toy/0003_third"]
    finally:
        await database.close()


def agent(**more: object) -> Agent:
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", **more)


def test_an_agent_from_outside_brings_its_own_folder(tmp_path):
    folders = folders_of([agent(migrations=str(tmp_path))])
    assert [folder.app for folder in folders] == ["masterlinc", "toy"]
    assert folders[1].path == tmp_path


def test_an_agent_without_migrations_has_no_folder():
    assert [folder.app for folder in folders_of([agent()])] == ["masterlinc"]


def test_a_folder_that_is_not_there_stops_the_start(tmp_path):
    with pytest.raises(StartupError, match=r"toy.*nowhere"):
        folders_of([agent(migrations=str(tmp_path / "nowhere"))])
