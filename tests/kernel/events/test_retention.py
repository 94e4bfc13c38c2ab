"""What was done long ago is forgotten by batches; what is not done, and every event, stays."""

from datetime import UTC, datetime, timedelta

import asyncpg

from masterlinc.events import replay, subscriptions
from masterlinc.ids import new_id
from masterlinc.retention import forget_deliveries

LATER = timedelta(hours=1)


async def worked(kernel, toy, *numbers: int):
    services = await kernel(toy.agent())
    await subscriptions.register(services)
    await toy.publish(services, numbers)
    await toy.work(services)
    return services


async def count(services, table: str, where: str = "true") -> int:
    async with services.db.transaction() as transaction:
        return await transaction.fetchval(f"SELECT count(*) FROM masterlinc.{table} WHERE {where}")


async def test_done_deliveries_go_by_batches(kernel, toy):
    services, now = await worked(kernel, toy, *range(5)), datetime.now(UTC)
    assert await forget_deliveries(services.db, now - LATER, 100) == 0
    assert [await forget_deliveries(services.db, now + LATER, 4) for _ in range(4)] == [4, 4, 2, 0]
    assert (await count(services, "delivery"), await count(services, "event")) == (0, 5)


async def test_what_waits_or_is_parked_stays(kernel, toy):
    toy.poison = {1}
    services = await worked(kernel, toy, 1)
    await toy.publish(services, [2])
    assert await forget_deliveries(services.db, datetime.now(UTC) + LATER, 100) == 0
    assert await count(services, "delivery", "state = 'parked'") == 2
    assert await count(services, "delivery", "state = 'pending'") == 2


async def test_an_aggregate_goes_with_its_last_event_and_not_before(kernel, toy):
    services, before, now = await worked(kernel, toy, 1, 2), new_id(), datetime.now(UTC)
    await toy.publish(services, [3])
    await toy.work(services)
    await forget_deliveries(services.db, now + LATER, 100)
    assert await count(services, "aggregate") == 3
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    await owner.execute("DELETE FROM masterlinc.event WHERE id < $1", before)  # as when old partitions are dropped
    await owner.close()
    assert await forget_deliveries(services.db, now + LATER, 100) == 2
    assert await count(services, "aggregate") == 1


async def test_replays_that_ended_go_and_those_that_run_stay(kernel, toy):
    services = await worked(kernel, toy, 1)
    for subscription in ("toy.count", "toy.show"):
        async with services.db.transaction() as transaction:
            await replay.ask(
                transaction, subscription, datetime(2020, 1, 1, tzinfo=UTC), organizations=None, asked_by=None
            )
        if subscription == "toy.count":
            while await replay.advance(services) or not await count(services, "replay", "finished_at IS NOT NULL"):
                pass
    await toy.work(services)
    await forget_deliveries(services.db, datetime.now(UTC) + LATER, 100)
    assert await count(services, "replay") == 1
