"""Signals are kept until a step takes them: before the wait, during it, and while it begins."""

import asyncio
from datetime import timedelta

import pytest
from toys import SCOPE, does, due_now, effects, execute, fetch, flow, settle, start, status, steps, toy, turn

from masterlinc.agent import Park, Step, StepDone, Wait
from masterlinc.plans import control
from masterlinc.plans.starting import label
from masterlinc.wire import tree
from masterlinc.workflow import engine


async def signal(services, workflow, name="go", payload=None):
    async with services.db.transaction(SCOPE) as transaction:
        await control.signal(services, transaction, workflow, name, payload, None)


async def wake(services, key="one"):
    async with services.db.transaction(SCOPE) as transaction:
        await control.wake(services, transaction, "toy.work", key)


async def output(services, workflow, position):
    rows = await fetch(
        services,
        "SELECT organization_id, output FROM masterlinc.step_payload WHERE workflow_id = $1 AND position = $2",
        workflow,
        position,
    )
    return tree(services.vault.open(rows[0]["organization_id"], label(workflow, position, "output"), rows[0]["output"]))


@pytest.mark.parametrize("when", ["before it starts", "while it waits", "while it is leased", "twice"])
async def test_a_signal_is_never_lost_and_its_payload_is_the_output(kernel, when):
    services = await kernel(toy(does("a"), Step("wait", signal="go"), does("b", "wait")))
    made = await start(services)
    payload = {"word": "مرحبا", "n": [1, 2.5, None]}
    if when == "before it starts":
        await signal(services, made, payload=payload)
    elif when == "while it is leased":
        (run,) = await engine.claim(services, ["toy"], 1)
        await signal(services, made, payload=payload)
        await engine.advance(services, run)
    else:
        await settle(services)
        assert await status(services, made) == "waiting"
        await signal(services, made, payload=payload)
        if when == "twice":
            await signal(services, made, payload="a second one")
    await settle(services)
    assert await status(services, made) == "done"
    assert await output(services, made, 2) == payload
    assert await effects(services) == ["a", "b"]


async def test_a_signal_that_comes_while_a_step_decides_to_wait_is_seen(kernel):
    asked, told, answers = asyncio.Event(), asyncio.Event(), []

    async def work(ctx, request):
        if not answers:
            asked.set()
            await told.wait()  # the answer and the signal come after the step has looked
            raise Wait
        return StepDone()

    for away in (frozenset(), frozenset({"work"})):
        asked.clear()
        told.clear()
        answers.clear()
        services = await kernel(toy(does("work"), tasks={"work": work}, away=away))
        made = await start(services)
        (run,) = await engine.claim(services, ["toy"], 1)
        working = asyncio.create_task(engine.advance(services, run))
        await asked.wait()
        answers.append("yes")
        await wake(services)
        told.set()
        await working
        assert await status(services, made) == "running"
        await settle(services)
        assert await status(services, made) == "done"


async def test_each_signal_goes_to_one_step(kernel):
    services = await kernel(toy(Step("one", signal="go", after=()), Step("two", signal="go", after=())))
    made = await start(services)
    await signal(services, made, payload=1)
    await settle(services)
    assert sorted((await steps(services, made)).values()) == ["done", "waiting"]
    await signal(services, made, "another")
    await settle(services)
    assert await status(services, made) == "waiting"
    await signal(services, made, payload=2)
    await settle(services)
    assert await status(services, made) == "done"
    assert [await output(services, made, 1), await output(services, made, 2)] == [1, 2]


async def test_a_signal_is_not_used_up_by_a_process_that_lost_its_lease(kernel):
    services = await kernel(toy(Step("wait", signal="go")))
    made = await start(services)
    await signal(services, made, payload=1)
    (dead,) = await engine.claim(services, ["toy"], 1)
    await execute(services, "UPDATE masterlinc.workflow SET lease_owner = NULL, crashes = 1")
    await engine.advance(services, dead)
    assert (await steps(services, made))["wait"] == "pending"
    await settle(services)
    assert (await status(services, made), await output(services, made, 1)) == ("done", 1)


@pytest.mark.parametrize("on_failure", ["park", "fail"])
async def test_a_wait_for_a_signal_ends_at_its_time(kernel, on_failure):
    services = await kernel(toy(Step("wait", signal="go", timeout=timedelta(hours=1)), on_failure=on_failure))
    made = await start(services)
    await settle(services)
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "waiting"  # a look before its time changes nothing
    await execute(services, "UPDATE masterlinc.workflow_step SET started_at = started_at - interval '1 hour'")
    await due_now(services)
    await settle(services)
    assert await status(services, made) == {"park": "parked", "fail": "failed"}[on_failure]
    assert "in vain" in (await flow(services, made))["error"]
    assert await turn(services) == 0


@pytest.mark.parametrize("ended", ["done", "parked", "cancelled"])
async def test_who_signals_too_late_is_told(kernel, ended):
    async def work(ctx, request):
        if ended == "parked":
            raise Park("why")
        return StepDone()

    services = await kernel(toy(does("work"), tasks={"work": work}))
    made = await start(services)
    if ended == "cancelled":
        async with services.db.transaction(SCOPE) as transaction:
            await control.cancel(services, transaction, made, "", None)
    await settle(services)
    assert await status(services, made) == ended
    with pytest.raises(control.WrongState):
        await signal(services, made)


async def test_a_wake_that_comes_while_the_workflow_is_parked_counts_once_it_is_retried(kernel):
    answers, mended = [], []

    async def work(ctx, request):
        if not answers:
            raise Wait
        return StepDone()

    async def bad(ctx, request):
        if not mended:
            raise Park("why")
        return StepDone()

    services = await kernel(
        toy(does("work"), does("bad"), tasks={"work": work, "bad": bad}, away=frozenset({"work", "bad"}))
    )
    made = await start(services)
    await settle(services)
    assert await steps(services, made) == {"work": "waiting", "bad": "parked"}
    answers.append(1)
    await wake(services)
    mended.append(1)
    async with services.db.transaction(SCOPE) as transaction:
        await control.retry(services, transaction, made, None)
    await settle(services)
    assert await status(services, made) == "done"
