"""The chain grows as one line, whoever writes and seals, and leaves nothing out."""

import asyncio
import json
import string
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditlinc.contract import PREFIX
from masterlinc.audit import checkpoint, keys
from masterlinc.audit.sealer import SealsAhead, seal, seal_all, sealing
from masterlinc.audit.verification import Anchors, read_checkpoint, verify
from masterlinc.audit.verification.rows import ROWS, Reader
from masterlinc.cli import main
from masterlinc.db.engine import CURRENT
from masterlinc.ids import new_id, show

HERE = new_id()


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(run_app, new_database):
    """An application over an empty database, and a connection of its owner."""
    urls = await new_database()
    running = await run_app(urls=urls)
    owner = await asyncpg.connect(urls.owner)
    yield running.services, owner, urls
    await owner.close()


async def write(services, name="x", **changes):
    async with services.db.transaction(frozenset({HERE})) as transaction:
        transaction.audit("toy.read", "thing", name, organization_id=HERE, **changes)


async def verified(owner, **anchors):
    async with owner.transaction(isolation="repeatable_read"):
        return await verify(owner, Anchors(**anchors))


async def test_a_hundred_writers_and_five_sealers_make_one_line_without_a_gap(fresh):
    services, owner, _ = fresh

    async def seal_often():
        for _ in range(20):
            await seal(services)

    await asyncio.gather(*(write(services, str(number)) for number in range(100)), *(seal_often() for _ in range(5)))
    await seal_all(services)
    numbers = [row[0] for row in await owner.fetch("SELECT number FROM masterlinc.audit_seal ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
    report = await verified(owner)
    assert (report.faults, report.unsealed) == ([], 0)
    assert report.rows == await owner.fetchval("SELECT count(*) FROM masterlinc.audit_event")


async def test_a_row_of_a_transaction_that_stays_open_is_sealed_when_it_ends_and_not_left_out(fresh):
    services, owner, _ = fresh
    async with services.db.transaction(frozenset({HERE})) as slow:
        await slow.fetchval("SELECT pg_current_xact_id()")

        async def beside():
            CURRENT.set(None)  # a transaction of its own
            await write(services, "later transaction, earlier commit")
            return await seal(services)

        assert await asyncio.create_task(beside()) == 0  # nothing below the open transaction
        slow.audit("toy.read", "thing", "slow", organization_id=HERE)
    assert await seal_all(services) >= 2
    assert (await verified(owner)).unsealed == 0


async def test_a_young_seal_is_not_followed_at_once(fresh):
    services, _, _ = fresh
    await write(services)
    assert await seal(services) > 0
    await write(services)
    assert await seal(services, pause=timedelta(minutes=1)) == 0
    assert await seal(services) > 0
    assert await seal(services) in {0, 1}


async def test_seals_that_are_ahead_of_the_server_stop_the_sealing(fresh):
    services, owner, _ = fresh
    await write(services)
    await seal_all(services)
    await owner.execute("ALTER TABLE masterlinc.audit_seal DISABLE TRIGGER USER")
    await owner.execute("UPDATE masterlinc.audit_seal SET last_xid = '999999999'")
    with pytest.raises(SealsAhead):
        await seal(services)


async def test_a_key_that_does_not_open_is_told_of_and_sealing_goes_on_without_it(fresh, caplog):
    services, owner, _ = fresh
    services.settings.audit.seal_seconds = 0.01
    await write(services)
    await seal_all(services)
    async with services.db.transaction() as transaction:  # the role that serves may add keys
        await transaction.execute(
            "INSERT INTO masterlinc.audit_key (kid, public_key, sealed, created_at, endorsed_by, endorsement)"
            " SELECT 'forged', $1, 'no sealed value', now(), kid, $2 FROM masterlinc.audit_key",
            bytes(32),
            bytes(64),
        )
    await write(services)
    async with asyncio.timeout(20), sealing(services):
        while "audit not sealed" not in caplog.messages:
            await asyncio.sleep(0)
        await owner.execute("DELETE FROM masterlinc.audit_key WHERE kid = 'forged'")
        while (await verified(owner)).unsealed:
            await asyncio.sleep(0)
    assert (await verified(owner)).faults == []


async def test_keys_are_a_line_and_the_old_one_seals_no_more(fresh):
    services, owner, _ = fresh
    for _ in range(3):
        await write(services)
        await seal_all(services)
        async with services.db.transaction() as transaction:
            await keys.rotate(transaction, services.vault, services.clock.now())
    await seal_all(services)
    report = await verified(owner)
    assert report.faults == []
    assert await owner.fetchval("SELECT count(DISTINCT key_id) FROM masterlinc.audit_seal") >= 3
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute(
            "INSERT INTO masterlinc.audit_key (kid, public_key, sealed, created_at) VALUES ('x', $1, '', now())",
            bytes(32),
        )


async def test_a_checkpoint_is_written_when_it_is_due(fresh, tmp_path):
    services, owner, _ = fresh
    await write(services)
    await seal_all(services)
    for _ in range(2):
        await checkpoint.write_due(services, tmp_path, timedelta(hours=1))
    [file] = tmp_path.iterdir()
    kept = read_checkpoint(file)
    assert (await verified(owner, checkpoints=(kept,))).ok
    assert file.name == f"checkpoint-{kept.number:012}.json"


async def test_the_command_tells_by_its_exit_code(fresh, tmp_path, capsys):
    services, owner, urls = fresh
    await write(services)
    await seal_all(services)
    file = tmp_path / "kept.json"
    checkpoint.write(await checkpoint.make(services), file)

    async def run(*arguments):
        code = await asyncio.to_thread(main, ["audit", "verify", "--url", urls.owner, *map(str, arguments)])
        return code, capsys.readouterr()

    code, told = await run("--checkpoint", file, "--public-key", file)
    assert (code, told.out.startswith("as sealed: ")) == (0, True)
    row = await owner.fetchval("SELECT id FROM masterlinc.audit_event ORDER BY xid, id LIMIT 1")
    await owner.execute("ALTER TABLE masterlinc.audit_event DISABLE TRIGGER USER")
    await owner.execute("UPDATE masterlinc.audit_event SET outcome = 'other' WHERE id = $1", row)
    code, told = await run("--checkpoint", file)
    assert code == 3
    assert f"changed: seal 1, row {row}" in told.out
    forged = json.loads(file.read_text())
    file.write_text(json.dumps(forged | {"total": forged["total"] + 1}))
    code, told = await run("--checkpoint", file)
    assert (code, "signature does not hold" in told.err) == (1, True)


def test_the_command_does_not_repeat_the_password_of_an_address_that_is_none(capsys):
    assert main(["audit", "verify", "--url", "postgresql://owner:Secr3t/1@localhost/x"]) == 1
    told = capsys.readouterr()
    assert "PostgreSQL does not answer" in told.err
    assert "Secr3t" not in told.err + told.out


async def test_the_command_erases_by_the_number_that_a_search_shows_and_by_that_of_verify(fresh, monkeypatch, capsys):
    services, owner, urls = fresh
    monkeypatch.setenv("MASTERLINC_DATABASE__OWNER_URL", urls.owner)
    for name in ("one", "two"):
        await write(services, name)
    rows = await owner.fetch("SELECT id FROM masterlinc.audit_event WHERE organization_id = $1 ORDER BY id", HERE)
    numbers = [show(PREFIX, rows[-2]["id"]), str(rows[-1]["id"])]
    command = ["audit", "erase", *numbers, "--reason", "request 12 of 2026"]
    assert await asyncio.to_thread(main, command) == 0
    assert capsys.readouterr().out == "2 rows erased\n"
    with pytest.raises(SystemExit):
        await asyncio.to_thread(main, ["audit", "erase", "CLM-1", "--reason", "x"])
    assert "CLM-1 is no number of an audit row, as AUD-…" in capsys.readouterr().err


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
async def test_whatever_text_a_row_holds_both_sides_make_the_same_bytes_of_it(fresh, words):
    services, owner, _ = fresh
    names = []
    for name, note in words:
        row = new_id()
        names.append((row, name, note))
        await write(services, name, detail={"note": note, "quote": "it's \\ \" $1 %s"}, row=row, patient=new_id())
    await seal_all(services)
    assert (await verified(owner)).faults == []
    for row, name, note in names:
        stored = await owner.fetchrow("SELECT resource_id, detail FROM masterlinc.audit_event WHERE id = $1", row)
        assert (stored["resource_id"], json.loads(stored["detail"])["note"]) == (name, note)


async def test_a_copy_is_read_alike_in_pieces_of_any_size(fresh):
    services, owner, _ = fresh
    for number in range(20):
        await write(services, string.printable[: number + 5].replace("\0", ""))
    chunks = []

    async def keep(chunk):
        chunks.append(bytes(chunk))

    last = (2**63, UUID(int=2**128 - 1))
    await owner.copy_from_query(ROWS, 0, UUID(int=0), *last, output=keep, format="binary")
    data = b"".join(chunks)
    whole = None
    for size in (1, 7, 64, len(data)):
        reader = Reader()
        for start in range(0, len(data), size):
            await reader(data[start : start + size])
        assert reader.is_complete
        whole = whole or reader.rows
        assert reader.rows == whole
    assert len(whole) >= 20
