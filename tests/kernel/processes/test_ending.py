"""The end of a process: what it still takes, what it cuts, and what it says of itself."""

import asyncio

from litestar import Litestar
from litestar.testing import AsyncTestClient
from msgspec import Struct

from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.dispatch import Dispatcher
from masterlinc.drain import Drain
from masterlinc.events import subscriptions
from masterlinc.ids import new_id
from masterlinc.observe import health
from masterlinc.security.principal import service_principal

PATIENCE = 10
ORGANIZATION = new_id()
COUNT = "SELECT count(*) FROM masterlinc.delivery WHERE state = 'pending'"


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


def toy(run) -> Agent:
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", subscribes=(Subscription("count", ToyMade, run),))


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
