"""One workflow over two processes that serve different agents: each is woken for what the other leaves to it."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Workflow
from masterlinc.context import Context, Services
from masterlinc.dispatch import Dispatcher
from masterlinc.ids import new_id
from masterlinc.processes.heartbeat import beating
from masterlinc.security.principal import service_principal
from masterlinc.settings import RedisSettings, RedisUrl
from masterlinc.wake import CHANNEL, listen

PATIENCE = 20
ORGANIZATION = new_id()
STEPS = 6  # of the two agents in turn


class Ran:
    """Which step ran in which process."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.done = asyncio.Event()

    def task(self, agent: str) -> Task:
        """A task of an agent that notes where it ran."""

        async def run(ctx: Context, request: StepInput) -> StepDone:
            self.steps.append((agent, ctx.settings.process.name))
            if len(self.steps) == STEPS:
                self.done.set()
            return StepDone()

        return Task(StepInput, StepDone, run, "Work", "عمل", name="work", joins_transaction=True)


def agents_of(ran: Ran) -> list[Agent]:
    names = ["left", "right"]
    steps = tuple(Step(f"step{number}", f"{names[number % 2]}.work") for number in range(STEPS))
    return [
        Agent(name, name, name, "1", ">=0.1", tasks=(ran.task(name),), workflows=workflows)
        for name, workflows in (("left", (Workflow("work", 1, steps),)), ("right", ()))
    ]


async def listeners(url: str) -> int:
    async with Redis.from_url(url) as redis:
        return dict(await redis.pubsub_numsub(CHANNEL))[CHANNEL.encode()]


@asynccontextmanager
async def serving(services: Services, agent: str, url: str, poll: float):
    """A process that serves one agent, as the runtime runs it."""
    services.settings.process.agents, services.settings.process.name = [agent], agent
    services.served = frozenset({agent})
    services.settings.engine.poll_seconds = poll
    dispatcher = Dispatcher(services)
    async with AsyncExitStack() as stack:
        wake = await stack.enter_async_context(listen(RedisSettings(url=RedisUrl(url)), dispatcher.wake))
        services.after_commit = services.db.after_commit = wake
        await stack.enter_async_context(beating(services, dispatcher, wake))
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop)
        yield services


@pytest.mark.parametrize("by", ["redis", "poll"])
async def test_a_workflow_goes_on_in_the_process_that_serves_its_next_step(kernel, new_database, valkey, by):
    ran, urls = Ran(), await new_database()
    url, poll = (valkey.url, 3600) if by == "redis" else ("", 0.05)
    left, right = [await kernel(*agents_of(ran), urls=urls) for _ in range(2)]
    before = await listeners(valkey.url)
    async with serving(left, "left", url, poll), serving(right, "right", url, poll):
        async with asyncio.timeout(PATIENCE):
            while url and await listeners(url) < before + 2:
                await asyncio.sleep(0)
        ctx = Context("left", left, service_principal("left", frozenset({ORGANIZATION})))
        async with ctx.transaction() as transaction:
            await ctx.start_workflow(transaction, "work", "key", ORGANIZATION)
        async with asyncio.timeout(PATIENCE):
            await ran.done.wait()
    assert ran.steps == [("left", "left"), ("right", "right")] * (STEPS // 2)


async def test_what_a_process_that_drains_had_not_finished_goes_on_in_another(kernel, new_database, valkey):
    """The first is cut in a step; the second, which looks only when it is woken, does the step again."""
    started, tries = asyncio.Event(), []

    async def run(ctx: Context, request: StepInput) -> StepDone:
        tries.append(ctx.services)
        if len(tries) == 1:
            started.set()
            await asyncio.Event().wait()
        return StepDone()

    task = Task(StepInput, StepDone, run, "Work", "عمل", name="work", joins_transaction=True)
    agent = Agent(
        "left", "Left", "يسار", "1", ">=0.1", tasks=(task,), workflows=(Workflow("work", 1, (Step("a", "left.work"),)),)
    )
    urls = await new_database()
    one, two = [await kernel(agent, urls=urls) for _ in range(2)]
    one.drain._seconds = 0.1
    before = await listeners(valkey.url)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        await first.enter_async_context(serving(one, "left", valkey.url, 3600))
        ctx = Context("left", one, service_principal("left", frozenset({ORGANIZATION})))
        async with ctx.transaction() as transaction:
            await ctx.start_workflow(transaction, "work", "key", ORGANIZATION)
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        await stack.enter_async_context(serving(two, "left", valkey.url, 3600))
        async with asyncio.timeout(PATIENCE):
            while await listeners(valkey.url) < before + 2:
                await asyncio.sleep(0)
        one.drain.begin()
        await first.aclose()
        async with asyncio.timeout(PATIENCE):
            while True:
                async with two.db.transaction() as transaction:
                    row = await transaction.fetchrow("SELECT status, crashes, lease_owner FROM masterlinc.workflow")
                if row["status"] == "done":
                    break
                await asyncio.sleep(0.01)
    assert tries == [one, two]
    assert (row["crashes"], row["lease_owner"]) == (0, None)
