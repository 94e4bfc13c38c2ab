"""Once for each subscriber, in the order of the aggregate, however many take work at once and however they fail."""

import asyncio
import contextvars
import random
from collections import defaultdict

import pytest
from msgspec import Struct

from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.events import relay, subscriptions
from masterlinc.ids import new_id

ORGANIZATION = new_id()
AGGREGATES, EVENTS, WORKERS, PATIENCE = 4, 12, 6, 60
SUBSCRIBERS = ("count", "show")
BY_ORDER = "SELECT id, aggregate, aggregate_seq FROM masterlinc.event ORDER BY xid, aggregate_seq, id"


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    aggregate: int
    number: int


def beside(work):
    """Run work as a process of its own would: in no transaction of this test."""
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())


class Taken:
    """What each subscriber took, as it was committed; it fails as the seed has it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.by = defaultdict(list)

    def subscriber(self, name: str):
        async def run(ctx: Context, event: ToyMade) -> None:
            async with ctx.transaction() as transaction:
                if self.dice.random() < 0.2:
                    raise RuntimeError("a passing fault")
                await transaction.execute("SELECT pg_sleep($1)", self.dice.random() / 200)
                if self.dice.random() < 0.1:
                    await transaction.execute("SELECT 1/0")
                transaction.on_commit(lambda: self.by[name, event.aggregate].append(event.number))

        return Subscription(name, ToyMade, run, max_attempts=100)


async def publish(services: Services, keys, aggregate: int, numbers: range) -> None:
    for number in numbers:
        async with services.db.transaction() as transaction:
            transaction.publish(ToyMade(aggregate, number), aggregate=keys[aggregate], organization_id=ORGANIZATION)


async def work(services: Services, dice: random.Random) -> None:
    while await left(services):
        deliveries = await relay.claim(services, ["toy"], dice.randint(1, 5))
        running = [beside(relay.deliver(services, one)) for one in deliveries if dice.random() < 0.9]
        await forget_leases(services, dice)  # the others were taken by a process that was killed
        for one in running:
            await one


async def forget_leases(services: Services, dice: random.Random) -> None:
    """Leases end while what was taken may still run, and faults are tried again at once."""
    if dice.random() < 0.5:
        async with services.db.connection() as connection:
            await connection.execute(
                "UPDATE masterlinc.delivery SET next_at = now() WHERE ctid IN (SELECT ctid FROM masterlinc.delivery"
                " WHERE state = 'pending' AND next_at > now() FOR UPDATE SKIP LOCKED)"
            )


async def left(services: Services) -> int:
    async with services.db.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM masterlinc.delivery WHERE state <> 'done'")


@pytest.mark.parametrize("seed", range(4))
async def test_each_subscriber_takes_each_event_once_in_the_order_of_its_aggregate(kernel, seed):
    taken = Taken(seed)
    agent = Agent("toy", "Toy", "لعبة", "1", ">=0.1", subscribes=tuple(map(taken.subscriber, SUBSCRIBERS)))
    services = await kernel(agent)
    await subscriptions.register(services)
    keys = [new_id() for _ in range(AGGREGATES)]
    async with asyncio.timeout(PATIENCE):
        first = [beside(publish(services, keys, one, range(1, EVENTS // 2))) for one in range(AGGREGATES)]
        await asyncio.gather(*first)
        more = [beside(publish(services, keys, one, range(EVENTS // 2, EVENTS))) for one in range(AGGREGATES)]
        workers = [beside(work(services, random.Random(f"{seed} {one}"))) for one in range(WORKERS)]
        await asyncio.gather(*more, *workers)
        await work(services, taken.dice)
    expected = {(name, one): list(range(1, EVENTS)) for name in SUBSCRIBERS for one in range(AGGREGATES)}
    assert dict(taken.by) == expected


async def test_the_order_of_all_events_agrees_with_the_order_of_each_aggregate(kernel):
    """A transaction may begin first and publish second: its xid alone would put its event before the other's."""
    services = await kernel()
    aggregate = new_id()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def first_to_begin() -> None:
        async with services.db.transaction() as transaction:
            await transaction.execute("SELECT pg_current_xact_id()")
            began.set()
            await may_end.wait()
            for number in (2, 3):
                transaction.publish(ToyMade(0, number), aggregate=aggregate, organization_id=ORGANIZATION)

    slow = beside(first_to_begin())
    async with asyncio.timeout(PATIENCE):
        await began.wait()
        async with services.db.transaction() as transaction:
            transaction.publish(ToyMade(0, 1), aggregate=aggregate, organization_id=ORGANIZATION)
        may_end.set()
        await slow
    async with services.db.transaction() as transaction:
        assert [row["aggregate_seq"] for row in await transaction.fetch(BY_ORDER)] == [1, 2, 3]


async def test_transactions_that_publish_for_the_same_aggregates_do_not_lock_each_other_out(kernel):
    services = await kernel()
    keys = [new_id() for _ in range(8)]

    async def publish_all(order) -> None:
        for _ in range(10):
            async with services.db.transaction() as transaction:
                for key in order:
                    transaction.publish(ToyMade(0, 1), aggregate=key, organization_id=ORGANIZATION)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(beside(publish_all(order)) for order in (keys, keys[::-1], keys[4:] + keys[:4])))
    async with services.db.transaction() as transaction:
        assert [row["seq"] for row in await transaction.fetch("SELECT seq FROM masterlinc.aggregate")] == [30] * 8
