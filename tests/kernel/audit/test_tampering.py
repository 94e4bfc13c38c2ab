"""Five hundred ways to change the audit as a superuser, each found (cases 161 and 170)."""

from random import Random

import asyncpg
import pytest
import pytest_asyncio

from masterlinc.audit import checkpoint, keys
from masterlinc.audit.erasing import erase
from masterlinc.audit.sealer import seal, seal_all
from masterlinc.audit.verification import Anchors, read_checkpoint, read_public_key, verify
from masterlinc.db import Actor
from masterlinc.ids import new_id
from tests.kernel.audit.tampering import BY_A_CHECKPOINT, BY_ITSELF

ROUNDS = 500
NAMED = {"change_text", "change_who", "change_time", "change_detail", "change_salt", "delete", "insert", "erase_unseen"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sealed(run_app, new_database, postgres, tmp_path_factory):
    """A database with some two hundred sealed rows, a superuser's connection to it, and what was kept elsewhere."""
    urls = await new_database()
    running = await run_app(urls=urls)
    services, random = running.services, Random(4711)
    organizations, patients = [new_id() for _ in range(3)], [new_id() for _ in range(9)]
    for number in range(200):
        home = random.choice(organizations)
        actor = Actor(new_id(), "user", new_id(), f"trace{number}", f"192.0.2.{number}", home, "treatment")
        async with services.db.transaction(frozenset({home}), actor=actor) as transaction:
            transaction.audit(
                random.choice(["patient.read", "claim.read", "claim.submit"]),
                random.choice(["patient", "claim"]),
                f"R-{number}",
                organization_id=home,
                patient=random.choice([*patients, None]),
                detail={"reason": "عربي", "n": str(number)} if number % 3 == 0 else None,
            )
        if number % 8 == 7:
            await seal(services)
        if number == 100:
            async with services.db.transaction() as transaction:
                await keys.rotate(transaction, services.vault, services.clock.now())
    await seal_all(services)
    kept = tmp_path_factory.mktemp("kept") / "checkpoint.json"
    made = await checkpoint.make(services)
    checkpoint.write(made, kept)
    connection = await asyncpg.connect(postgres.dsn("superuser", urls.app.rpartition("/")[2].partition("?")[0]))
    yield running, urls, connection, kept
    await connection.close()


async def found(connection, tamper=None, anchors=None, seed=0):
    """Verify what a tampering left, and take it back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
        row = await tamper(connection, Random(seed)) if tamper else None
        return row, await verify(connection, anchors)
    finally:
        await transaction.rollback()


async def test_what_nobody_changed_is_as_sealed(sealed):
    _, _, connection, kept = sealed
    anchors = Anchors((read_checkpoint(kept),), read_public_key(kept))
    _, report = await found(connection, anchors=anchors)
    assert report.ok, [str(fault) for fault in report.faults]
    assert report.rows >= 200
    assert report.seals >= 25


async def test_five_hundred_of_five_hundred_are_found(sealed):
    _, _, connection, kept = sealed
    anchors = Anchors((read_checkpoint(kept),))
    missed, misnamed = [], []
    ways = [*BY_ITSELF, *BY_A_CHECKPOINT]
    for number in range(ROUNDS):
        tamper = ways[number % len(ways)]
        row, report = await found(connection, tamper, anchors if tamper in BY_A_CHECKPOINT else None, seed=number)
        if report.ok:
            missed.append((number, tamper.__name__))
        elif tamper.__name__ in NAMED and report.faults[0].row != str(row):
            misnamed.append((number, tamper.__name__, str(report.faults[0])))
    assert (missed, misnamed) == ([], [])
    assert (await found(connection))[1].ok  # nothing of it stayed


@pytest.mark.parametrize("tamper", BY_A_CHECKPOINT)
async def test_what_only_a_checkpoint_shows_is_not_claimed_of_the_chain_alone(sealed, tamper):
    _, _, connection, _ = sealed
    assert (await found(connection, tamper))[1].ok


async def test_a_chain_under_another_key_is_not_that_of_the_key_that_was_kept(sealed):
    _, _, connection, kept = sealed
    _, report = await found(connection, BY_A_CHECKPOINT[1], Anchors(public_key=read_public_key(kept)))
    assert [fault.kind for fault in report.faults] == ["key"]


async def test_a_row_whose_personal_data_is_erased_keeps_its_seal(sealed, run_app, new_database):
    urls = await new_database()
    services = (await run_app(urls=urls)).services
    home, patient = new_id(), new_id()
    for number in range(4):
        actor = Actor(new_id(), "user", None, "t", "192.0.2.7", home, "treatment")
        async with services.db.transaction(frozenset({home}), actor=actor) as transaction:
            transaction.audit("patient.read", "patient", f"R-{number}", organization_id=home, patient=patient)
    await seal_all(services)
    owner = await asyncpg.connect(urls.owner)
    try:
        rows = [row[0] for row in await owner.fetch("SELECT id FROM masterlinc.audit_event ORDER BY id LIMIT 2")]
        assert await erase(urls.owner, rows, "request 12 of 2026") == 2
        left = await owner.fetch("SELECT * FROM masterlinc.audit_event WHERE id = ANY ($1)", rows)
        for row in left:
            assert (row["patient"], row["actor_id"], row["address"], row["salt"]) == (None, None, "", None)
        assert (
            await owner.fetchval("SELECT count(*) FROM masterlinc.audit_patient WHERE event_id = ANY ($1)", rows) == 0
        )
        async with owner.transaction():
            report = await verify(owner)
        assert (report.faults, report.erased) == ([], 2)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):  # the owner may do that, and nothing else
            await owner.execute("UPDATE masterlinc.audit_event SET outcome = 'other'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute("DELETE FROM masterlinc.audit_event")
    finally:
        await owner.close()
