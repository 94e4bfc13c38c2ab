"""Keys of sealed values in the database: there no later than what they sealed, and known to every process."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from masterlinc.db import Database
from masterlinc.db.batch import Batch
from masterlinc.db.migrate import Folder, migrate, migrations_folder
from masterlinc.errors import StartupError
from masterlinc.ids import new_id
from masterlinc.sealing import KeyAway, SealBroken, Vault
from masterlinc.sealing.following import Following, followed
from masterlinc.sealing.masters import MasterKeys
from masterlinc.sealing.store import Unsaved
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import DatabaseUrls, NewDatabase, RunApp

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


class Process:
    """As much of a process as seals and opens."""

    def __init__(self, url: str, *masters: bytes) -> None:
        self.vault = Vault(MasterKeys(*(masters[:1] or [KEY]), masters[1:]))
        self.database = Database(DatabaseSettings(url=Secret(url), pool_size=6))
        self.database.unsaved = Unsaved(self.vault.ring)
        self.following = Following(self.database, self.vault)

    async def stored(self) -> set[UUID]:
        rows = await self.database.alone("SELECT id FROM masterlinc.data_key")
        return {row["id"] for row in rows}


NewProcess = Callable[..., Awaitable[Process]]


@pytest_asyncio.fixture(loop_scope="session")
async def urls(new_database: NewDatabase) -> DatabaseUrls:
    return await new_database()


@pytest_asyncio.fixture(loop_scope="session")
async def process(urls: DatabaseUrls) -> AsyncIterator[NewProcess]:
    made = []

    async def make(*masters: bytes) -> Process:
        one = Process(urls.app, *masters)
        await one.database.open()
        made.append(one)
        await one.following.start()
        return one

    yield make
    for one in made:
        await one.database.close()


def key_of(sealed: bytes) -> UUID:
    return UUID(bytes=sealed[1:17])


async def test_a_key_commits_with_the_first_value_that_it_sealed(process: NewProcess):
    one = await process()
    async with one.database.transaction():
        sealed = one.vault.seal(new_id(), "x", b"1")
        assert key_of(sealed) not in await one.stored()
    assert key_of(sealed) in await one.stored()
    assert not one.database.unsaved


async def test_a_key_is_still_unsaved_after_a_rollback(process: NewProcess):
    one, home = await process(), new_id()
    with pytest.raises(ZeroDivisionError):
        async with one.database.transaction():
            sealed = one.vault.seal(home, "x", b"1")
            _ = 1 / 0
    assert await one.stored() == set()
    assert one.database.unsaved
    async with one.database.transaction():
        assert key_of(one.vault.seal(home, "x", b"2")) == key_of(sealed)
    assert await one.stored() == {key_of(sealed)}


async def test_a_commit_that_fails_leaves_it_unsaved(process: NewProcess):
    one = await process()
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        async with one.database.transaction() as transaction:
            one.vault.seal(new_id(), "x", b"1")
            with pytest.raises(asyncpg.DivisionByZeroError):
                await transaction.execute("SELECT 1 / 0")
    assert await one.stored() == set()
    assert one.database.unsaved


async def test_a_savepoint_that_fails_takes_no_key_along(process: NewProcess):
    one = await process()
    async with one.database.transaction():
        with pytest.raises(ZeroDivisionError):
            async with one.database.transaction():
                sealed = one.vault.seal(new_id(), "x", b"1")
                _ = 1 / 0
    assert await one.stored() == {key_of(sealed)}


async def test_one_statement_calls_save_it_first(process: NewProcess):
    one = await process()
    sealed = one.vault.seal(new_id(), "x", b"1")
    row = await one.database.call("SELECT id FROM masterlinc.data_key WHERE $1::text IS NOT NULL", [])
    assert row["id"] == key_of(sealed)


async def test_a_batch_saves_what_its_items_need(process: NewProcess):
    one = await process()

    async def write(items: object) -> list[set[UUID]]:
        async with one.database.connection() as connection:
            rows = await connection.fetch("SELECT id FROM masterlinc.data_key")
        return [{row["id"] for row in rows} for _ in items]  # type: ignore[attr-defined]

    batch: Batch[UUID, set[UUID]] = Batch(write, 10)
    sealed = [key_of(one.vault.seal(new_id(), "x", b"1")) for _ in range(5)]
    for key, there in zip(sealed, await asyncio.gather(*(batch.put(key) for key in sealed)), strict=True):
        assert key in there


async def test_a_reader_writes_no_key_and_the_next_writer_does(process: NewProcess):
    one = await process()
    async with one.database.transaction(read_only=True):
        sealed = one.vault.seal(new_id(), "x", b"1")
    assert await one.stored() == set()
    async with one.database.transaction():
        pass
    assert await one.stored() == {key_of(sealed)}


async def test_many_transactions_commit_one_key_at_once(process: NewProcess):
    one, home = await process(), new_id()
    ready = asyncio.Barrier(5)

    async def write() -> bytes:
        async with one.database.transaction():
            sealed = one.vault.seal(home, "x", b"1")
            async with asyncio.timeout(10):
                await ready.wait()
        return sealed

    sealed = await asyncio.gather(*(write() for _ in range(5)))
    assert {key_of(value) for value in sealed} == await one.stored()
    assert len(await one.stored()) == 1


async def test_two_processes_that_make_a_key_at_once_open_each_other_s_values(process: NewProcess):
    one, two, home = await process(), await process(), new_id()

    async def write(of: Process) -> bytes:
        async with of.database.transaction():
            return of.vault.seal(home, "x", b"1")

    values = await asyncio.gather(write(one), write(two))
    assert len({key_of(value) for value in values}) == 2
    for of in (one, two):
        assert [of.vault.open(home, "x", value) for value in values] == [b"1", b"1"]
    for of in (one, two):
        await of.following.look()
    assert key_of(one.vault.seal(home, "x", b"")) == key_of(two.vault.seal(home, "x", b""))


async def test_a_value_of_a_key_that_is_a_moment_old_opens_at_once(process: NewProcess):
    one, two, home = await process(), await process(), new_id()
    async with one.database.transaction():
        sealed = one.vault.seal(home, "x", b"1")
    assert two.vault.open(home, "x", sealed) == b"1"


async def test_a_key_that_is_nowhere_is_looked_for_once(process: NewProcess, monkeypatch):
    one, looks = await process(), []
    found = one.following.look_now
    one.vault.look = lambda: bool(looks.append(1)) or found()
    sealed = bytearray(one.vault.seal(new_id(), "x", b"1"))
    sealed[5] ^= 1
    for _ in range(3):
        with pytest.raises(SealBroken):
            one.vault.open(new_id(), "x", bytes(sealed))
    assert len(looks) == 1


async def test_while_the_database_is_away_a_key_is_looked_for_now_and_then(process: NewProcess, monkeypatch, caplog):
    one, two, home = await process(), await process(), new_id()
    async with one.database.transaction():
        sealed = one.vault.seal(home, "x", b"1")
    url = two.database._url
    two.database._url = Secret("postgresql://app@/nothing?host=/nonexistent")
    for _ in range(3):
        with pytest.raises(KeyAway):
            two.vault.open(home, "x", sealed)
    assert caplog.text.count("could not be read") == 1
    two.database._url = url
    await two.following.look()  # as it does each second
    assert two.vault.open(home, "x", sealed) == b"1"


async def test_a_process_follows_by_itself(process: NewProcess, urls: DatabaseUrls):
    one, two, home = await process(), Process(urls.app), new_id()
    await two.database.open()
    two.vault.look = lambda: False
    try:
        async with followed(two.following, every=0.01), asyncio.timeout(10):
            two.vault.look = lambda: False
            async with one.database.transaction():
                sealed = one.vault.seal(home, "x", b"1")
            while key_of(sealed) not in two.vault.ring:
                await asyncio.sleep(0.01)
            assert two.vault.open(home, "x", sealed) == b"1"
    finally:
        await two.database.close()


async def test_all_processes_have_one_blind_index_also_with_another_master_key(process: NewProcess, urls: DatabaseUrls):
    started = await asyncio.gather(*(process(KEY) for _ in range(3)))
    two = await process(OTHER, KEY)
    assert len({of.vault.blind(UUID(int=1), "x", "value") for of in (*started, two)}) == 1
    with pytest.raises(StartupError, match=r"another security\.master_key"):
        await process(OTHER)


async def test_a_new_organization_has_its_key_with_its_commit(run_app: RunApp):
    from authlinc.contract import OrganizationKind
    from authlinc.service.directory import NewOrganization, create_organization
    from masterlinc.context import Context
    from masterlinc.security.principal import service_principal

    running = await run_app()
    ctx = Context("authlinc", running.services, service_principal("authlinc", frozenset()), trace_id="test")
    made = await create_organization(ctx, NewOrganization(OrganizationKind.PROVIDER, "A Hospital", "مستشفى"))
    rows = await running.services.db.alone("SELECT organization_id FROM masterlinc.data_key")
    assert made.organization_id in {row["organization_id"] for row in rows}


@pytest.mark.parametrize("statement", ["UPDATE {0} SET master_id = repeat('0', 16)", "DELETE FROM {0}", "TRUNCATE {0}"])
@pytest.mark.parametrize("table", ["masterlinc.data_key", "masterlinc.blind_key"])
async def test_who_serves_can_only_add_keys(process: NewProcess, table: str, statement: str):
    one = await process()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await one.database.alone(statement.format(table))


async def test_a_key_can_be_put_into_use_by_the_owner_only(process: NewProcess):
    one = await process()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await one.database.alone(
            "INSERT INTO masterlinc.data_key (id, organization_id, wrapped, master_id, used_from)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), decode(repeat('00', 60), 'hex'), repeat('0', 16), now())"
        )


async def test_a_database_that_was_filled_before_is_refused_with_one_line(postgres, tmp_path: Path):
    from masterlinc.testing import _create

    name = f"t{new_id().hex}"
    await _create(postgres, name, "template1")
    owner, before = postgres.dsn("owner", name), tmp_path / "masterlinc"
    shutil.copytree(migrations_folder() / "masterlinc", before)
    for path in sorted(before.glob("[0-9]*.py")):
        if path.stem >= "0009":
            path.unlink()
    await migrate(owner, [Folder("masterlinc", before)])
    connection = await asyncpg.connect(owner)
    await connection.execute(
        "INSERT INTO masterlinc.token_key (kid, public_key, created_at)"
        " VALUES (repeat('k', 20), decode(repeat('00', 32), 'hex'), now())"
    )
    with pytest.raises(StartupError, match="begin with a new data folder") as refused:
        await migrate(owner, [Folder("masterlinc", migrations_folder() / "masterlinc")])
    assert "\n" not in str(refused.value)
    await connection.execute("DELETE FROM masterlinc.token_key")
    await migrate(owner, [Folder("masterlinc", migrations_folder() / "masterlinc")])
    await connection.close()
