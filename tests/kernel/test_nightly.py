"""The night: what ended long ago is forgotten by the workflow that its schedule starts."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from masterlinc import retention
from masterlinc.events import subscriptions
from masterlinc.ids import new_id
from masterlinc.workflow import engine, schedules

OLD, YOUNG = timedelta(days=91), timedelta(days=89)


@pytest_asyncio.fixture(loop_scope="session")
async def services(kernel):
    services = await kernel()
    await subscriptions.register(services)
    await schedules.register(services)
    return services


@pytest_asyncio.fixture(loop_scope="session")
async def owner(services):
    connection = await asyncpg.connect(services.settings.database.owner_url.reveal())
    yield connection
    await connection.close()


async def workflow(owner, age: timedelta | None):
    """A workflow that ended some time ago, or has not."""
    made = new_id()
    await owner.execute(
        "INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, status, title,"
        " wake_at, finished_at) VALUES ($1, 'toy.work', 1, $2, $1, 'toy', $3, 'of a person', 'infinity',"
        " now() - $4::interval)",
        *(made, made.hex, "done" if age else "waiting", age),
    )
    return made


async def delivery(owner, age: timedelta | None):
    made = new_id()
    await owner.execute(
        "INSERT INTO masterlinc.delivery (subscription, event_id, agent, organization_id, aggregate, aggregate_seq,"
        " state, finished_at) VALUES ('toy.one', $1, 'toy', $1, $1, 1, $2, now() - $3::interval)",
        *(made, "done" if age else "parked", age),
    )
    return made


async def message(owner, *, seen: timedelta | None = None, handled_by=None, sent: timedelta = OLD):
    """A message that was acknowledged some time ago, or not, or that a workflow handles."""
    made = new_id()
    await owner.execute(
        "INSERT INTO masterlinc.message (organization_id, id, sender, receiver, message_type, message_key, fingerprint,"
        " priority, content, sent_by, sent_at, delivered_at, workflow_id, acknowledged_at, acknowledged_by)"
        " VALUES ($1::uuid, $1, 'toy', 'toy', 'note', 'key', $2, 5, 'sealed', $1::uuid, now() - $3::interval, now(),"
        " $4, now() - $5::interval, CASE WHEN $5::interval IS NOT NULL THEN $1::uuid END)",
        *(made, made.bytes, sent, handled_by, seen),
    )
    return made


async def night(services, owner):
    """Let the schedule be due, and run what it starts until that rests; answers its row."""
    await owner.execute("UPDATE masterlinc.schedule SET next_at = now() WHERE name = 'masterlinc.retention'")
    assert await schedules.start_due(services) == 1
    await work(services)
    return await retained(owner)


async def work(services):
    while runs := await engine.claim(services, sorted(services.served), 20):
        for run in runs:
            await engine.advance(services, run)


async def retained(owner):
    return await owner.fetchrow("SELECT * FROM masterlinc.workflow WHERE name = 'masterlinc.retention'")


async def kept(owner, table: str, column: str, where: str) -> set:
    return {row[0] for row in await owner.fetch(f"SELECT {column} FROM masterlinc.{table} WHERE {where}")}


async def test_the_night_forgets_what_ended_long_ago_and_nothing_else(services, owner):
    gone, young, waits = await workflow(owner, OLD), await workflow(owner, YOUNG), await workflow(owner, None)
    await delivery(owner, OLD)
    deliveries = {await delivery(owner, YOUNG), await delivery(owner, None)}
    for forgotten in ({"seen": OLD}, {"handled_by": gone}):
        await message(owner, **forgotten)
    messages = {await message(owner), await message(owner, seen=YOUNG)}
    messages |= {await message(owner, handled_by=one) for one in (young, waits)}
    row = await night(services, owner)
    assert (row["status"], row["error"]) == ("done", None)
    assert await kept(owner, "workflow", "id", "forgotten_at IS NULL AND name = 'toy.work'") == {young, waits}
    assert await kept(owner, "delivery", "event_id", "true") == deliveries
    assert await kept(owner, "message", "id", "content IS NOT NULL AND forgotten_at IS NULL") == messages
    assert len(await kept(owner, "message", "id", "message_key IS NOT NULL")) == 6  # the rows stay, with their keys
    steps = await owner.fetch("SELECT name, note FROM masterlinc.workflow_step WHERE workflow_id = $1", row["id"])
    assert {tuple(step) for step in steps} == {
        ("workflows", "1 workflows"),
        ("deliveries", "1 rows"),
        ("messages", "2 messages"),
    }


async def test_a_night_that_takes_long_goes_on_where_it_was_and_is_not_parked(services, owner, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "_TURN_SECONDS", 0)
    monkeypatch.setattr(retention, "_PAUSE", timedelta(0))
    for _ in range(12):  # more than a step has attempts
        await workflow(owner, OLD)
    row = await night(services, owner)
    assert row["status"] == "done"
    assert await kept(owner, "workflow", "id", "forgotten_at IS NULL AND name = 'toy.work'") == set()
    steps = await owner.fetch("SELECT attempts, note FROM masterlinc.workflow_step WHERE workflow_id = $1", row["id"])
    assert {step["attempts"] for step in steps} == {1}
    assert "0 workflows" in {step["note"] for step in steps}  # of the last of many turns


@pytest.mark.parametrize("forget", [retention.forget_workflows, retention.forget_deliveries, retention.forget_messages])
async def test_a_moment_to_come_counts_as_now(services, owner, forget):
    """The moment comes from a host's clock, and that may be wrong."""
    ahead = -timedelta(days=1)
    await workflow(owner, ahead)
    await delivery(owner, ahead)
    await message(owner, seen=ahead)
    assert await forget(services.db, datetime.now(UTC) + timedelta(days=999), 100) == 0


async def test_messages_go_by_batches(services, owner):
    for _ in range(5):
        await message(owner, seen=OLD)
    until = datetime.now(UTC)
    assert [await retention.forget_messages(services.db, until, 2) for _ in range(4)] == [2, 2, 1, 0]
