"""The end of a process: what it still takes, what it cuts, and what it says of itself."""

import asyncio
from contextlib import suppress

from litestar import Litestar
from litestar.testing import AsyncTestClient
from msgspec import Struct

from masterlinc import dispatch
from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.dispatch import Dispatcher
from masterlinc.drain import Drain
from masterlinc.events import relay, subscriptions
from masterlinc.ids import new_id
from masterlinc.observe import health
from masterlinc.security.principal import service_principal

PATIENCE = 10
ORGANIZATION = new_id()
COUNT = "SELECT count(*) FROM masterlinc.delivery WHERE state = 'pending'"
LEFT = "SELECT attempts, lease_owner IS NULL AS free, next_at <= now() AS due FROM masterlinc.delivery"


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


def toy(run, max_attempts: int = 8) -> Agent:
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", subscribes=(Subscription("count", ToyMade, run, max_attempts),))


async def publish(services: Services, number: int) -> None:
    ctx = Context("toy", services, service_principal("toy", frozenset({ORGANIZATION})))
    async with ctx.transaction() as transaction:
        transaction.publish(ToyMade(number), aggregate=new_id(), organization_id=ORGANIZATION)


async def pending(services: Services) -> int:
    async with services.db.transaction() as transaction:
        return await transaction.fetchval(COUNT)


async def test_what_does_not_end_in_time_is_cut_and_left_for_others(kernel):
    started, written = asyncio.Event(), new_id()

    async def run(ctx: Context, event: ToyMade) -> None:
        async with ctx.transaction() as transaction:
            await transaction.execute("INSERT INTO masterlinc.aggregate (id, seq, xid) VALUES ($1, 1, '0')", written)
            started.set()
            await asyncio.Event().wait()

    services = await kernel(toy(run))
    services.drain = Drain(0.1)
    await subscriptions.register(services)
    await publish(services, 1)
    dispatcher = Dispatcher(services)
    await dispatcher.start()
    async with asyncio.timeout(PATIENCE):
        await started.wait()
        assert dispatcher.running == 1
        services.drain.begin()
        await dispatcher.stop()
    assert dispatcher.running == 0
    assert await pending(services) == 1
    async with services.db.transaction() as transaction:
        kept = "SELECT count(*) FROM masterlinc.aggregate WHERE id = $1"
        assert await transaction.fetchval(kept, written) == 0  # rolled back


async def cut(services: Services, started: asyncio.Event) -> None:
    """Run what is due, and end in order before it does."""
    started.clear()
    services.drain = Drain(0)
    dispatcher = Dispatcher(services)
    await dispatcher.start()
    async with asyncio.timeout(PATIENCE):
        await started.wait()
        services.drain.begin()
        await dispatcher.stop()
    services.drain = Drain(PATIENCE)


async def left(services: Services) -> tuple:
    async with services.db.transaction() as transaction:
        return tuple(await transaction.fetchrow(LEFT))


async def test_what_is_cut_is_free_at_once_and_no_attempt_is_lost(kernel):
    """Any number of ends in order does not park what would have come to its end."""
    started, slow, done = asyncio.Event(), True, []

    async def run(ctx: Context, event: ToyMade) -> None:
        started.set()
        if slow:
            await asyncio.Event().wait()
        done.append(event.number)

    services = await kernel(toy(run, max_attempts=2))
    await subscriptions.register(services)
    await publish(services, 1)
    for _ in range(3):
        await cut(services, started)
        assert await left(services) == (0, True, True)
    slow = False
    await Dispatcher(services).idle()
    assert done == [1]


async def test_a_cut_takes_back_its_own_attempt_only(kernel):
    started, faults = asyncio.Event(), [RuntimeError()]

    async def run(ctx: Context, event: ToyMade) -> None:
        if faults:
            raise faults.pop()
        started.set()
        await asyncio.Event().wait()

    services = await kernel(toy(run))
    await subscriptions.register(services)
    await publish(services, 1)
    await Dispatcher(services).idle()
    async with services.db.transaction() as transaction:
        await transaction.execute("UPDATE masterlinc.delivery SET next_at = now()")
    await cut(services, started)
    assert await left(services) == (1, True, True)
    (again,) = await relay.claim(services, ["toy"], 1)
    assert (again.attempts, again.unfinished) == (2, False)


async def test_what_may_have_killed_a_process_is_still_looked_at_alone_after_a_cut(kernel):
    started = asyncio.Event()

    async def run(ctx: Context, event: ToyMade) -> None:
        started.set()
        await asyncio.Event().wait()

    services = await kernel(toy(run))
    await subscriptions.register(services)
    await publish(services, 1)
    await relay.claim(services, ["toy"], 1)  # and the process is gone
    async with services.db.transaction() as transaction:
        await transaction.execute("UPDATE masterlinc.delivery SET next_at = now()")
    await cut(services, started)
    assert await left(services) == (1, True, True)
    (again,) = await relay.claim(services, ["toy"], 1)
    assert (again.attempts, again.unfinished) == (1, True)


async def test_what_does_not_let_itself_be_cut_is_left_to_its_lease(kernel, monkeypatch):
    monkeypatch.setattr(dispatch, "_CUT_SECONDS", 0.05)
    started, may_end = asyncio.Event(), asyncio.Event()

    async def run(ctx: Context, event: ToyMade) -> None:
        started.set()
        while not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()

    services = await kernel(toy(run))
    await subscriptions.register(services)
    await publish(services, 1)
    await cut(services, started)
    assert await left(services) == (1, False, False)
    may_end.set()
    async with asyncio.timeout(PATIENCE):
        while await pending(services):
            await asyncio.sleep(0.01)


async def test_a_process_on_its_way_out_takes_nothing_new(kernel):
    async def run(ctx: Context, event: ToyMade) -> None:
        raise AssertionError("it was taken")

    services = await kernel(toy(run))
    await subscriptions.register(services)
    await publish(services, 1)
    services.drain.begin()
    await Dispatcher(services).idle()
    assert await pending(services) == 1


async def test_it_is_not_ready_from_the_order_on(kernel):
    services = await kernel()
    monitor = health.Monitor(services)
    await monitor.probe()
    async with AsyncTestClient(Litestar(health.handlers(monitor))) as client:
        assert (await client.get("/health/ready")).status_code == 200
        services.drain.begin()
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
        assert (await client.get("/health/live")).status_code == 200
    await monitor.close()


def test_a_drain_begins_once_and_its_time_runs():
    told = []
    drain = Drain(5, 60)
    drain.tell(lambda: told.append(drain.begun))
    assert (drain.begun, drain.left(), drain.unready) == (False, 5, 5)
    drain.begin()
    left = drain.left()
    drain.begin()
    assert (drain.begun, told) == (True, [True])
    assert 0 < drain.left() <= left <= 5
    assert Drain(0).left() == 0
