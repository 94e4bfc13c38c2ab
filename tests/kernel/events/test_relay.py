import asyncio
from datetime import timedelta

import asyncpg
from msgspec import Struct

from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.events import relay, subscriptions
from masterlinc.ids import new_id
from masterlinc.security.principal import service_principal

ORGANIZATION = new_id()


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


def agent_of(run, max_attempts: int = 3) -> Agent:
    return Agent(
        "toy",
        "Toy",
        "لعبة",
        "1",
        ">=0.1",
        publishes=(ToyMade,),
        subscribes=(Subscription("count", ToyMade, run, max_attempts),),
    )


async def publish(services: Services, *numbers: int, aggregate=None) -> None:
    context = Context("toy", services, service_principal("toy", frozenset({ORGANIZATION})))
    async with context.transaction() as transaction:
        for number in numbers:
            transaction.publish(ToyMade(number), aggregate=aggregate or new_id(), organization_id=ORGANIZATION)


async def turn(services: Services) -> int:
    deliveries = await relay.claim(services, ["toy"], 10)
    for delivery in deliveries:
        await relay.deliver(services, delivery)
    return len(deliveries)


async def make_due(services: Services) -> None:
    async with services.db.transaction() as transaction:
        await transaction.execute("UPDATE masterlinc.delivery SET next_at = now()")


async def test_an_event_reaches_its_subscriber_once(kernel):
    seen: list[int] = []

    async def count(ctx: Context, event: ToyMade) -> None:
        seen.append(event.number)

    services = await kernel(agent_of(count))
    await subscriptions.register(services)
    await publish(services, 7)
    assert await turn(services) == 1
    await make_due(services)
    assert await turn(services) == 0
    assert seen == [7]


async def test_a_rolled_back_transaction_publishes_nothing(kernel):
    async def count(ctx: Context, event: ToyMade) -> None:
        raise AssertionError("must not be delivered")

    services = await kernel(agent_of(count))
    await subscriptions.register(services)
    context = Context("toy", services, service_principal("toy", frozenset({ORGANIZATION})))
    try:
        async with context.transaction() as transaction:
            transaction.publish(ToyMade(1), aggregate=new_id(), organization_id=ORGANIZATION)
            raise RuntimeError("no")
    except RuntimeError:
        pass
    assert await turn(services) == 0


async def test_a_failing_subscriber_is_tried_again_and_parked_in_the_end(kernel):
    calls: list[int] = []

    async def count(ctx: Context, event: ToyMade) -> None:
        calls.append(event.number)
        raise RuntimeError("always")

    services = await kernel(agent_of(count, max_attempts=2))
    await subscriptions.register(services)
    await publish(services, 1)
    for _ in range(4):
        await turn(services)
        await make_due(services)
    assert calls == [1, 1]
    async with services.db.transaction() as transaction:
        row = await transaction.fetchrow("SELECT state, error FROM masterlinc.delivery")
    assert row["state"] == "parked"
    assert row["error"].startswith("RuntimeError at count")  # never the message, which may quote health data


async def test_order_within_an_aggregate_holds_and_a_parked_event_blocks_only_its_own(kernel):
    seen: list[int] = []

    async def count(ctx: Context, event: ToyMade) -> None:
        if event.number == 1:
            raise RuntimeError("poison")
        seen.append(event.number)

    services = await kernel(agent_of(count, max_attempts=1))
    await subscriptions.register(services)
    await publish(services, 1, 2, aggregate=new_id())
    await publish(services, 10, aggregate=new_id())
    for _ in range(3):
        await turn(services)
        await make_due(services)
    assert seen == [10]


async def test_a_subscription_keeps_events_for_a_process_that_is_away(kernel):
    seen: list[int] = []

    async def count(ctx: Context, event: ToyMade) -> None:
        seen.append(event.number)

    services = await kernel(agent_of(count))
    await subscriptions.register(services)
    assert await relay.claim(services, ["another"], 10) == []
    await publish(services, 3)
    assert await relay.claim(services, ["another"], 10) == []
    assert await turn(services) == 1
    assert seen == [3]


async def test_a_delivery_that_was_taken_over_is_not_done_twice(kernel):
    seen: list[int] = []

    async def count(ctx: Context, event: ToyMade) -> None:
        seen.append(event.number)

    services = await kernel(agent_of(count))
    await subscriptions.register(services)
    await publish(services, 5)
    slow = (await relay.claim(services, ["toy"], 10))[0]
    await make_due(services)
    assert await turn(services) == 1
    await relay.deliver(services, slow)
    assert seen == [5]


async def test_the_lease_is_counted_before_the_handler_runs(kernel):
    async def count(ctx: Context, event: ToyMade) -> None:
        return None

    services = await kernel(agent_of(count))
    await subscriptions.register(services)
    await publish(services, 5)
    claimed = await relay.claim(services, ["toy"], 10)
    assert [delivery.attempts for delivery in claimed] == [1]
    async with services.db.transaction() as transaction:
        ahead = await transaction.fetchval("SELECT next_at - now() FROM masterlinc.delivery")
    assert ahead > timedelta(seconds=20)


async def state_of(services: Services):
    async with services.db.transaction() as transaction:
        return await transaction.fetchrow("SELECT state, attempts, error FROM masterlinc.delivery")


class Killed(BaseException):
    """The process is gone: nothing is written any more."""


class Mortal:
    """Runs what is due side by side, as a process does, until it dies with all that it runs."""

    def __init__(self) -> None:
        self._work: list[asyncio.Task[None]] = []

    def die(self) -> None:
        for task in self._work:
            task.cancel()
        raise Killed

    async def live(self, services: Services) -> int:
        """Run what is due; says how much that was."""
        deliveries = await relay.claim(services, ["toy"], 10)
        self._work = [asyncio.create_task(relay.deliver(services, one)) for one in deliveries]
        await asyncio.gather(*self._work, return_exceptions=True)
        await make_due(services)
        return len(deliveries)


async def test_an_event_that_kills_its_process_is_parked_in_the_end(kernel):
    """A start is counted before it runs, so that one which never came to an end is seen."""
    process, starts = Mortal(), 0

    async def kill(ctx: Context, event: ToyMade) -> None:
        nonlocal starts
        starts += 1
        process.die()

    services = await kernel(agent_of(kill, max_attempts=2))
    await subscriptions.register(services)
    await publish(services, 1)
    while await process.live(services):
        assert starts <= 2
    row = await state_of(services)
    assert (row["state"], row["error"]) == ("parked", "started 2 times and never finished")


async def test_who_runs_beside_an_event_that_kills_is_not_parked_with_it(kernel):
    process, begun, done = Mortal(), asyncio.Event(), []

    async def run(ctx: Context, event: ToyMade) -> None:
        if event.number == 1:
            begun.set()
            process.die()
        if not begun.is_set():
            await begun.wait()  # in the middle of it when the process dies
            await asyncio.Event().wait()
        async with ctx.transaction() as transaction:
            transaction.on_commit(lambda: done.append(event.number))

    services = await kernel(agent_of(run, max_attempts=2))
    await subscriptions.register(services)
    await publish(services, 1, 2, 3, 4, 5)
    while await process.live(services):
        pass
    assert sorted(done) == [2, 3, 4, 5]
    async with services.db.transaction() as transaction:
        states = await transaction.fetch("SELECT state, count(*) FROM masterlinc.delivery GROUP BY 1 ORDER BY 1")
    assert list(map(tuple, states)) == [("done", 4), ("parked", 1)]


async def test_a_fault_after_an_unfinished_start_counts_both(kernel):
    process, faults = Mortal(), [Killed(), RuntimeError(), RuntimeError()]

    async def run(ctx: Context, event: ToyMade) -> None:
        raise faults.pop(0)

    services = await kernel(agent_of(run, max_attempts=3))
    await subscriptions.register(services)
    await publish(services, 1)
    while await process.live(services):
        pass
    row = await state_of(services)
    assert (row["state"], row["attempts"], faults) == ("parked", 3, [])


async def count_nothing(ctx: Context, event: ToyMade) -> None:
    return None


async def test_what_a_process_of_another_version_subscribes_to_is_left_to_it(kernel, new_database):
    urls = await new_database()
    newer = await kernel(agent_of(count_nothing), urls=urls)
    await subscriptions.register(newer)
    await publish(newer, 1)
    older = await kernel(Agent("toy", "Toy", "لعبة", "0.9", ">=0.1"), urls=urls)
    assert await turn(older) == 1
    row = await state_of(newer)
    assert (row["state"], row["attempts"]) == ("pending", 0)
    await make_due(newer)
    assert await turn(newer) == 1
    assert (await state_of(newer))["state"] == "done"


async def test_what_nobody_subscribes_to_any_more_is_parked(kernel, new_database):
    urls = await new_database()
    before = await kernel(agent_of(count_nothing), urls=urls)
    await subscriptions.register(before)
    await publish(before, 1)
    after = await kernel(Agent("toy", "Toy", "لعبة", "2", ">=0.1"), urls=urls)
    await subscriptions.register(after)
    assert await turn(after) == 1
    row = await state_of(after)
    assert (row["state"], row["error"]) == ("parked", "the subscription is gone")


async def test_an_event_that_is_not_kept_any_more_is_parked(kernel):
    services = await kernel(agent_of(count_nothing))
    await subscriptions.register(services)
    await publish(services, 1)
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    await owner.execute("DELETE FROM masterlinc.event")
    await owner.close()
    assert await turn(services) == 1
    row = await state_of(services)
    assert (row["state"], row["error"]) == ("parked", "the event is not kept any more")


async def test_a_delivery_takes_few_statements(kernel, statements):
    """Nothing but the transaction with its fence: the event came with the claim."""
    services = await kernel(agent_of(count_nothing))
    await subscriptions.register(services)
    await publish(services, 1)
    with statements() as sent:
        (delivery,) = await relay.claim(services, ["toy"], 10)
        await relay.deliver(services, delivery)
    assert [one.split()[0].rstrip(";") for one in sent] == ["WITH", "BEGIN", "UPDATE", "COMMIT"]
