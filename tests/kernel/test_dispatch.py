import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
from msgspec import Struct

from masterlinc.agent import Agent, Step, StepDone, StepInput, Subscription, Task, Workflow
from masterlinc.context import Context, Services
from masterlinc.dispatch import Dispatcher
from masterlinc.events import subscriptions
from masterlinc.ids import new_id
from masterlinc.security.principal import service_principal

ORGANIZATION = new_id()
PATIENCE = 10  # seconds until a test gives up

BLOCKED = "FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND datname = current_database()"
WAITING = f"SELECT count(*) {BLOCKED}"
CUT = f"SELECT pg_terminate_backend(pid) {BLOCKED}"


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


def agent_of(run) -> Agent:
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", subscribes=(Subscription("count", ToyMade, run),))


def worker(run, *, outside: bool = False) -> Agent:
    task = Task(StepInput, StepDone, run, "Work", "عمل", name="work")
    plan = (Step("work", "toy.work", outside=outside),)
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", tasks=(task,), workflows=(Workflow("work", 1, plan),))


def context_of(services: Services) -> Context:
    return Context("toy", services, service_principal("toy", frozenset({ORGANIZATION})))


async def publish(services: Services, *numbers: int) -> None:
    async with context_of(services).transaction() as transaction:
        for number in numbers:
            transaction.publish(ToyMade(number), aggregate=new_id(), organization_id=ORGANIZATION)


@asynccontextmanager
async def dispatching(services: Services):
    await subscriptions.register(services)
    dispatcher = Dispatcher(services)
    services.after_commit = services.db.after_commit = dispatcher.wake
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


class Seen:
    """What subscribers were handed, and a way to wait for it."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._changed = asyncio.Condition()

    async def __call__(self, ctx: Context, event: ToyMade) -> None:
        async with self._changed:
            self.numbers.append(event.number)
            self._changed.notify_all()

    async def count(self, count: int) -> list[int]:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.numbers) >= count)
        return sorted(self.numbers)


async def test_a_commit_is_followed_at_once_without_the_poll(kernel):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.settings.engine.poll_seconds = 3600
    async with dispatching(services):
        await publish(services, 1, 2, 3)
        assert await seen.count(3) == [1, 2, 3]


async def test_what_nobody_told_of_is_found_by_the_poll(kernel):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.settings.engine.poll_seconds = 0.05
    async with dispatching(services):
        services.after_commit = services.db.after_commit = lambda: None
        await publish(services, 1)
        assert await seen.count(1) == [1]


async def test_the_start_takes_over_what_was_left(kernel):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.settings.engine.poll_seconds = 3600
    await subscriptions.register(services)
    await publish(services, 1)
    async with dispatching(services):
        assert await seen.count(1) == [1]


async def test_more_than_fits_at_once_is_all_done_in_the_end(kernel):
    running, most, seen = 0, 0, Seen()

    async def run(ctx: Context, event: ToyMade) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        async with ctx.transaction() as transaction:
            await transaction.execute("SELECT pg_sleep(0.005)")
        running -= 1
        await seen(ctx, event)

    services = await kernel(agent_of(run))
    services.settings.engine.poll_seconds, services.settings.engine.concurrency = 3600, 2
    async with dispatching(services):
        await publish(services, *range(20))
        assert await seen.count(20) == list(range(20))
    assert most == 2


async def test_no_delivery_is_taken_that_would_wait_for_a_connection(kernel):
    """Its lease would run out meanwhile: it would be taken again, and counted as one that killed its process."""
    started, may_end, seen = asyncio.Event(), asyncio.Event(), Seen()

    async def run(ctx: Context, event: ToyMade) -> None:
        started.set()
        await may_end.wait()
        await seen(ctx, event)

    services = await kernel(agent_of(run), connections=2)
    async with dispatching(services):
        await publish(services, 1, 2, 3)
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        async with services.db.connection() as connection:
            taken = await connection.fetchval("SELECT count(*) FROM masterlinc.delivery WHERE attempts > 0")
        may_end.set()
        assert await seen.count(3) == [1, 2, 3]
    assert taken == 1


async def test_steps_that_take_long_leave_connections_to_deliveries(kernel):
    at_work, may_end, seen = asyncio.Event(), asyncio.Event(), Seen()

    async def work(ctx: Context, step: StepInput) -> StepDone:
        at_work.set()
        await may_end.wait()
        return StepDone()

    both = replace(worker(work), subscribes=agent_of(seen).subscribes)
    services = await kernel(both, connections=2)
    async with dispatching(services):
        ctx = context_of(services)
        async with ctx.transaction() as transaction:
            for number in range(3):
                await ctx.start_workflow(transaction, "work", str(number), ORGANIZATION)
        services.after_commit()
        async with asyncio.timeout(PATIENCE):
            await at_work.wait()
        await publish(services, 1)
        try:
            assert await seen.count(1) == [1]
        finally:
            may_end.set()


async def test_two_dispatchers_share_the_work_and_do_each_part_once(kernel):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.settings.engine.poll_seconds = 0.02
    async with dispatching(services), dispatching(services):
        await publish(services, *range(40))
        assert await seen.count(40) == list(range(40))
    assert len(seen.numbers) == 40


async def test_stopping_lets_what_runs_come_to_its_end(kernel):
    started, may_end, ended = asyncio.Event(), asyncio.Event(), []

    async def run(ctx: Context, event: ToyMade) -> None:
        started.set()
        await may_end.wait()
        ended.append(event.number)

    services = await kernel(agent_of(run))
    async with dispatching(services) as dispatcher:
        await publish(services, 1)
        async with asyncio.timeout(PATIENCE):
            await started.wait()
            stopping = asyncio.create_task(dispatcher.stop())
            await publish(services, 2)  # nothing new is taken
            may_end.set()
            await stopping
        assert ended == [1]
    async with services.db.transaction() as transaction:
        assert await transaction.fetchval("SELECT count(*) FROM masterlinc.delivery WHERE state = 'pending'") == 1


async def test_a_workflow_is_run_after_the_commit_that_starts_it(kernel):
    done = asyncio.Event()

    async def work(ctx: Context, request: StepInput) -> StepDone:
        done.set()
        return StepDone()

    services = await kernel(worker(work))
    services.settings.engine.poll_seconds = 3600
    async with dispatching(services):
        ctx = context_of(services)
        async with ctx.transaction() as transaction:
            await ctx.start_workflow(transaction, "work", "key", ORGANIZATION)
            assert not done.is_set()
        async with asyncio.timeout(PATIENCE):
            await done.wait()


async def test_idle_returns_when_everything_is_done(kernel):
    seen = Seen()

    async def chain(ctx: Context, event: ToyMade) -> None:
        await seen(ctx, event)
        if event.number < 5:
            async with ctx.transaction() as transaction:
                transaction.publish(ToyMade(event.number + 1), aggregate=new_id(), organization_id=ORGANIZATION)

    services = await kernel(agent_of(chain))
    await subscriptions.register(services)
    await publish(services, 1)
    await Dispatcher(services).idle()
    assert seen.numbers == [1, 2, 3, 4, 5]


async def test_a_process_does_only_the_work_of_the_agents_that_it_serves(kernel):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.served = frozenset(["another"])
    await subscriptions.register(services)
    await publish(services, 1)
    await Dispatcher(services).idle()
    assert seen.numbers == []
    services.served = frozenset(["toy"])
    await Dispatcher(services).idle()
    assert seen.numbers == [1]


async def test_a_lost_connection_does_not_end_the_dispatcher(kernel, postgres):
    seen = Seen()
    services = await kernel(agent_of(seen))
    services.settings.engine.poll_seconds = 0.05
    async with dispatching(services), superuser(postgres, services) as mighty:
        async with mighty.transaction():
            await mighty.execute("LOCK TABLE masterlinc.delivery IN ACCESS EXCLUSIVE MODE")  # the next look waits here
            await until(mighty, WAITING)
            await mighty.execute(CUT)
        await again(lambda: publish(services, 1))
        assert await seen.count(1) == [1]


async def test_a_subscriber_s_lost_connection_is_tried_again(kernel, postgres):
    seen, tries = Seen(), []

    async def run(ctx: Context, event: ToyMade) -> None:
        tries.append(event.number)
        if len(tries) == 1:
            async with ctx.transaction() as transaction:
                await transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        await seen(ctx, event)

    services = await kernel(agent_of(run))
    services.settings.engine.poll_seconds = 0.05
    async with dispatching(services):
        await publish(services, 1)
        assert await seen.count(1) == [1]
    assert tries == [1, 1]


@asynccontextmanager
async def superuser(postgres, services: Services):
    name = services.settings.database.url.reveal().rpartition("/")[2].partition("?")[0]
    connection = await asyncpg.connect(postgres.dsn("superuser", name))
    try:
        yield connection
    finally:
        await connection.close()


async def until(connection, query: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await connection.fetchval(query):
            await connection.execute("SELECT pg_sleep(0.01)")


async def again(work) -> None:
    """Do work until the pool has noticed which of its connections are gone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await work()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                continue
            return
