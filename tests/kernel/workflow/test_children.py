"""Workflows that start others and wait for their end."""

from datetime import timedelta

import pytest
from toys import (
    SCOPE,
    does,
    due_now,
    effects,
    execute,
    fails_to_commit,
    fetch,
    flow,
    settle,
    start,
    start_plan,
    status,
    toy,
    turn,
    with_late_constraint,
    writes,
)
from toys import steps as states

from masterlinc.agent import Fail, Park, Step, Workflow
from masterlinc.plans import control
from masterlinc.plans.plan import Plan, PlanStep


def fails(fault: Exception):
    async def run(ctx, request):
        raise fault

    return run


def family(child: Step, *more: Step, tasks=None, on_failure="park", child_fails="fail", **workflow):
    return toy(
        Step("child", workflow="toy.sub", timeout=workflow.pop("child_timeout", None)),
        *more,
        tasks={"sub": writes("sub"), **(tasks or {})},
        others=(Workflow("sub", 1, (child,), on_failure=child_fails),),
        on_failure=on_failure,
        **workflow,
    )


async def child_of(services, parent):
    rows = await fetch(services, "SELECT id FROM masterlinc.workflow WHERE parent_id = $1", parent)
    assert len(rows) == 1
    return rows[0]["id"]


async def cancel(services, workflow):
    async with services.db.transaction(SCOPE) as transaction:
        return await control.cancel(services, transaction, workflow, "why", None)


async def test_the_end_of_a_child_wakes_its_parent(kernel):
    services = await kernel(family(Step("only", "toy.sub"), does("last", "child")))
    made = await start(services)
    await turn(services)
    assert await status(services, made) == "waiting"
    await turn(services)
    assert (await status(services, await child_of(services, made)), await status(services, made)) == ("done", "running")
    await settle(services)
    assert await status(services, made) == "done"
    assert await effects(services) == ["sub", "last"]


@pytest.mark.parametrize(("on_failure", "ending"), [("park", "parked"), ("fail", "failed"), ("undo", "failed")])
async def test_a_child_that_fails_fails_the_step(kernel, on_failure, ending):
    services = await kernel(family(Step("only", "toy.sub"), tasks={"sub": fails(Fail("no"))}, on_failure=on_failure))
    made = await start(services)
    await settle(services)
    assert await status(services, made) == ending
    assert (await flow(services, made))["error"] == "child: workflow toy.sub has failed"


async def test_a_child_that_is_cancelled_fails_the_step(kernel):
    services = await kernel(family(Step("only", signal="never"), on_failure="fail"))
    made = await start(services)
    await settle(services)
    assert await cancel(services, await child_of(services, made)) != []
    await settle(services)
    assert await status(services, made) == "failed"


async def test_a_parked_child_keeps_its_parent_waiting_until_it_is_retried(kernel):
    faults = [Park("why")]

    async def sub(ctx, request):
        if faults:
            raise faults.pop()
        return await writes("sub")(ctx, request)

    services = await kernel(family(Step("only", "toy.sub"), tasks={"sub": sub}))
    made = await start(services)
    await settle(services)
    child = await child_of(services, made)
    assert (await status(services, child), await status(services, made)) == ("parked", "waiting")
    async with services.db.transaction(SCOPE) as transaction:
        await control.retry(services, transaction, child, None)
    await settle(services)
    assert await status(services, made) == "done"


async def test_cancelling_a_parent_cancels_what_it_started(kernel):
    services = await kernel(family(Step("only", signal="never")))
    made = await start(services)
    await settle(services)
    child = await child_of(services, made)
    assert await cancel(services, made) == [made, child]
    await settle(services)
    assert (await status(services, made), await status(services, child)) == ("cancelled", "cancelled")


async def test_a_parent_that_fails_leaves_no_child_behind(kernel):
    services = await kernel(
        toy(
            Step("child", workflow="toy.sub", after=()),
            does("bad"),
            tasks={"bad": fails(Fail("no"))},
            others=(Workflow("sub", 1, (Step("only", signal="never"),)),),
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    child = await child_of(services, made)
    assert (await status(services, made), await status(services, child)) == ("failed", "cancelled")


async def test_a_parent_that_takes_too_long_leaves_no_child_behind(kernel):
    services = await kernel(family(Step("only", signal="never"), timeout=timedelta(hours=1)))
    made = await start(services)
    await settle(services)
    await execute(
        services, "UPDATE masterlinc.workflow SET deadline = now(), wake_at = now() WHERE deadline IS NOT NULL"
    )
    await settle(services)
    child = await child_of(services, made)
    assert (await status(services, made), await status(services, child)) == ("failed", "cancelled")


async def test_a_wait_for_a_child_ends_at_its_time_counted_from_its_start(kernel):
    services = await kernel(family(Step("only", signal="never"), on_failure="fail", child_timeout=timedelta(hours=1)))
    made = await start(services)
    await settle(services)
    rows = await fetch(services, "SELECT wake_at - now() AS left FROM masterlinc.workflow WHERE id = $1", made)
    assert timedelta(minutes=59) < rows[0]["left"] <= timedelta(hours=1)
    await execute(services, "UPDATE masterlinc.workflow_step SET started_at = started_at - interval '1 hour'")
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "failed"


@pytest.mark.parametrize("before", [False, True])
async def test_a_child_of_a_given_key_starts_once(kernel, before):
    services = await kernel(toy(does("only"), on_failure="fail"))
    step = PlanStep("child", "toy.work", kind="workflow", agent="toy", input={"key": "given"})
    if before:
        await start(services, "given")
        await settle(services)
    made = await start_plan(services, Plan("toy.parent", 1, "toy", (step,), "fail"))
    await settle(services)
    assert await status(services, made) == ("failed" if before else "done")
    rows = await fetch(services, "SELECT business_key FROM masterlinc.workflow WHERE name = 'toy.work'")
    assert [row["business_key"] for row in rows] == ["given"]
    assert await effects(services) == ["only"]


async def test_a_child_whose_start_was_rolled_back_is_started_again(kernel, new_database):
    second = fails_to_commit([1, 1], "second")
    services = await kernel(
        toy(
            Step("child", workflow="toy.sub", after=()),
            does("second"),
            tasks={"second": second, "sub": writes("sub")},
            others=(Workflow("sub", 1, (Step("only", "toy.sub"),)),),
        ),
        urls=await with_late_constraint(await new_database()),
    )
    made = await start(services)
    for _ in range(4):
        await settle(services)
        await due_now(services)
    assert await states(services, made) == {"child": "done", "second": "done"}
    assert sorted(await effects(services)) == ["second", "sub"]
