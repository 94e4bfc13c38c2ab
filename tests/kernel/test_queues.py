"""Taking work from a long queue reads a few rows of it, oldest first, and never more than was asked for."""

import json
from datetime import timedelta

import asyncpg
import pytest

from masterlinc.events import dead_letters, relay
from masterlinc.ids import new_id
from masterlinc.workflow import engine

LENGTH = 20_000
FEW_PAGES = 300

WORKFLOWS = """
INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, wake_at)
SELECT gen_random_uuid(), 'toy.work', 1, n::text, gen_random_uuid(), CASE n % 3 WHEN 0 THEN 'one' ELSE 'other' END,
    now() - make_interval(secs => n)
FROM generate_series(1, $1::int) AS n
"""
DELIVERIES = """
INSERT INTO masterlinc.delivery (subscription, event_id, organization_id, agent, aggregate, aggregate_seq, next_at)
SELECT 'toy.count', gen_random_uuid(), gen_random_uuid(), CASE n % 3 WHEN 0 THEN 'one' ELSE 'other' END,
    gen_random_uuid(), 1,
    now() - make_interval(secs => n)
FROM generate_series(1, $1::int) AS n
"""
BLOCKED = """
INSERT INTO masterlinc.delivery
    (subscription, event_id, organization_id, agent, aggregate, aggregate_seq, state, finished_at)
SELECT 'toy.count', gen_random_uuid(), gen_random_uuid(), 'one', '01939c1e-7c00-7abc-8def-0123456789ab', n,
    CASE n WHEN 1 THEN 'parked' ELSE 'pending' END, now()
FROM generate_series(1, $1::int) AS n
"""
AGENTS = ["one", "other", "third"]


async def fill(services, statement: str, length: int) -> None:
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    try:
        await owner.execute(statement, length)
        await owner.execute("ANALYZE masterlinc.workflow; ANALYZE masterlinc.delivery")
    finally:
        await owner.close()


async def pages(services, query: str, *arguments: object) -> int:
    """Count the pages that a statement touches, and take back what it did."""
    async with services.db.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SAVEPOINT before")
            await connection.fetch(query, *arguments)  # a function's statements are planned once a session
            await connection.execute("ROLLBACK TO before")
            text = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *arguments)
        finally:
            await transaction.rollback()
    plan = json.loads(text)[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_a_long_queue_of_workflows(kernel):
    services = await kernel()
    await fill(services, WORKFLOWS, LENGTH)
    assert await pages(services, engine.CLAIM, new_id(), AGENTS, 8) < FEW_PAGES


async def test_a_long_queue_of_deliveries(kernel):
    services = await kernel()
    await fill(services, DELIVERIES, LENGTH)
    assert await pages(services, relay._CLAIM, AGENTS, 8, timedelta(seconds=30), new_id()) < FEW_PAGES


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_the_oldest_workflows_of_all_agents_come_first(kernel, limit):
    services = await kernel()
    await fill(services, WORKFLOWS, 30)
    taken = await engine.claim(services, AGENTS, limit)
    assert sorted(int(lease.key) for lease in taken) == list(range(30, 0, -1))[:limit][::-1]


async def test_a_long_queue_behind_a_dead_letter(kernel):
    """What is blocked is found along its aggregate, and is then out of the way of every claim."""
    services = await kernel()
    async with services.db.connection() as connection:
        await connection.execute(BLOCKED, LENGTH)
        assert await pages(services, dead_letters._PUT_OFF, timedelta(minutes=2), 100) < 20 * FEW_PAGES
        while await dead_letters.put_off(services):
            pass
    await fill(services, "SELECT $1::int", LENGTH)
    assert await relay.claim(services, AGENTS, 8) == []  # the first look clears the index of what was moved
    assert await pages(services, relay._CLAIM, AGENTS, 8, timedelta(seconds=30), new_id()) < FEW_PAGES


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_the_oldest_deliveries_of_all_agents_come_first(kernel, limit):
    services = await kernel()
    await fill(services, DELIVERIES, 30)
    assert len(await relay.claim(services, AGENTS, limit)) == min(limit, 30)
    async with services.db.transaction() as transaction:
        rows = await transaction.fetch("SELECT attempts FROM masterlinc.delivery WHERE next_at > now()")
    assert [row["attempts"] for row in rows] == [1] * min(limit, 30)


async def test_an_agent_s_work_is_not_taken_by_those_who_do_not_serve_it(kernel):
    services = await kernel()
    await fill(services, WORKFLOWS, 30)
    await fill(services, DELIVERIES, 30)
    assert len(await engine.claim(services, ["one"], 100)) == 10
    assert len(await relay.claim(services, ["one"], 100)) == 10
    assert await engine.claim(services, ["third"], 100) == []
