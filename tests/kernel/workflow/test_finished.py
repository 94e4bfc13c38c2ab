import asyncio
from datetime import timedelta

from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Wait, Workflow
from masterlinc.context import Context, Services
from masterlinc.ids import new_id
from masterlinc.plans import starting
from masterlinc.workflow import engine

ORGANIZATION = new_id()


async def patient(ctx: Context, request: StepInput) -> StepDone:
    raise Wait(after=timedelta(days=1))


async def quick(ctx: Context, request: StepInput) -> StepDone:
    return StepDone()


def agent(run) -> Agent:
    task = Task(StepInput, StepDone, run, "Work", "عمل", name="work")
    work = Workflow("work", 1, (Step("work", "toy.work"),))
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", tasks=(task,), workflows=(work,))


async def start(services: Services):
    async with services.db.transaction(frozenset({ORGANIZATION})) as transaction:
        plan = services.registry.plans["toy.work"]
        return await starting.start(services, transaction, plan, starting.Start("key", ORGANIZATION))


async def turn(services: Services) -> None:
    for run in await engine.claim(services, ["toy"], 5):
        await engine.advance(services, run)


async def test_who_waits_is_told_of_the_end(kernel):
    services = await kernel(agent(quick))
    workflow = await start(services)
    waiting = asyncio.create_task(services.finished.wait(workflow, 30))
    await turn(services)
    assert await waiting is True
    assert await services.finished.wait(workflow, 30) is True


async def test_an_end_in_another_process_is_found_by_looking(kernel):
    services = await kernel(agent(quick))
    workflow = await start(services)
    waiting = asyncio.create_task(services.finished.wait(workflow, 30))
    services.finished.tell = lambda _: None
    await turn(services)
    assert await waiting is True


async def test_nobody_waits_longer_than_asked(kernel):
    services = await kernel(agent(patient))
    workflow = await start(services)
    await turn(services)
    assert await services.finished.wait(workflow, 0.05) is False


async def test_a_process_on_its_way_out_keeps_nobody_waiting(kernel):
    services = await kernel(agent(patient))
    workflow = await start(services)
    waiting = asyncio.create_task(services.finished.wait(workflow, 3600))
    await turn(services)
    services.drain.begin()
    async with asyncio.timeout(10):
        assert await waiting is False
        assert await services.finished.wait(workflow, 3600) is False
