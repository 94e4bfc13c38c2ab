"""Attempts: which faults are tried again, what counts, and what takes too long."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from toys import (
    does,
    due_now,
    effects,
    execute,
    fetch,
    flow,
    settle,
    start,
    start_plan,
    status,
    step,
    steps,
    toy,
    user,
    writes,
)

from masterlinc.agent import Fail, Park, Retry, Step, StepDone
from masterlinc.backoff import backoff
from masterlinc.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable
from masterlinc.plans.plan import Plan, PlanStep

BOTH = pytest.mark.parametrize("away", [frozenset(), frozenset({"work"})], ids=["local", "outside"])


def always(fault: Exception, calls: list[int]):
    async def run(ctx, request):
        calls.append(ctx.step.attempt)
        raise fault

    return run


@BOTH
@pytest.mark.parametrize("fault", [RuntimeError("x"), Unavailable("x"), Conflict("x"), TooMany("x"), TimeoutError()])
async def test_what_may_pass_is_tried_as_often_as_the_step_says(kernel, away, fault):
    calls: list[int] = []
    services = await kernel(toy(does("work", max_attempts=3), tasks={"work": always(fault, calls)}, away=away))
    made = await start(services)
    for _ in range(5):
        await settle(services)
        await due_now(services)
    assert calls == [1, 2, 3]
    assert (await step(services, made, "work"))["attempts"] == 3
    assert await status(services, made) == "parked"


@BOTH
@pytest.mark.parametrize("fault", [Fail("x"), Park("x"), Invalid("x"), NotFound("x"), Forbidden("x")])
async def test_what_no_attempt_mends_is_tried_once(kernel, away, fault):
    calls: list[int] = []
    services = await kernel(toy(does("work"), tasks={"work": always(fault, calls)}, away=away, on_failure="fail"))
    made = await start(services)
    await settle(services)
    await due_now(services)
    await settle(services)
    assert calls == [1]
    assert await status(services, made) == ("parked" if isinstance(fault, Park) else "failed")


@BOTH
@pytest.mark.parametrize(
    "fault", [Retry("x", timedelta(hours=1)), asyncpg.SerializationError("x"), asyncpg.DeadlockDetectedError("x")]
)
async def test_passing_faults_do_not_count(kernel, away, fault):
    calls: list[int] = []
    services = await kernel(toy(does("work", max_attempts=1), tasks={"work": always(fault, calls)}, away=away))
    made = await start(services)
    for _ in range(3):
        await settle(services, turns=200)
        await due_now(services)
    assert len(calls) >= 3
    assert set(calls) == {1}
    assert (await step(services, made, "work"))["attempts"] == 0
    assert await status(services, made) == "running"


@BOTH
async def test_the_time_between_attempts_grows(kernel, away):
    services = await kernel(toy(does("work"), tasks={"work": always(RuntimeError(), [])}, away=away))
    made = await start(services)
    for attempt in range(1, 5):
        await settle(services)
        rows = await fetch(services, "SELECT wake_at - now() AS left FROM masterlinc.workflow WHERE id = $1", made)
        longest = 2.0 ** (attempt - 1)
        assert longest / 2 - 0.5 <= rows[0]["left"].total_seconds() <= longest
        await due_now(services)


def test_the_time_between_attempts_ends_at_five_minutes():
    assert all(150 <= backoff(attempt).total_seconds() <= 300 for attempt in (10, 20, 1000))


@BOTH
async def test_a_step_that_takes_too_long_is_a_failed_attempt_and_its_effect_is_gone(kernel, away):
    async def work(ctx, request):
        async with ctx.transaction() as transaction:
            transaction.audit("toy.work", "toy", request.key, organization_id=request.organization_id)
            await asyncio.Event().wait()

    services = await kernel(
        toy(
            does("first"),
            does("work", "first", timeout=timedelta(milliseconds=100), max_attempts=2),
            tasks={"work": work},
            away=away,
        )
    )
    made = await start(services)
    async with asyncio.timeout(20):
        for _ in range(3):
            await settle(services)
            await due_now(services)
    assert await effects(services) == ["first"]
    assert await steps(services, made) == {"first": "done", "work": "parked"}
    row = await step(services, made, "work")
    assert (row["attempts"], "TimeoutError" in row["error"]) == (2, True)
    assert (await step(services, made, "first"))["attempts"] == 1


async def test_a_local_step_in_a_hurry_does_not_hurry_the_one_after_it(kernel):
    async def long(ctx, request):
        async with ctx.transaction() as transaction:
            await transaction.execute("SELECT pg_sleep(0.5)")
        return StepDone()

    services = await kernel(
        toy(does("first", timeout=timedelta(milliseconds=400)), does("long", "first"), tasks={"long": long})
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "done"
    assert (await step(services, made, "first"))["attempts"] == 1


@pytest.mark.parametrize("on_failure", ["park", "fail", "undo"])
async def test_a_workflow_that_takes_too_long_fails_and_takes_back_what_was_done(kernel, on_failure):
    services = await kernel(
        toy(
            does("a", undo="toy.un_a"),
            Step("forever", signal="never"),
            does("last", "forever"),
            timeout=timedelta(hours=1),
            on_failure=on_failure,
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "waiting"
    rows = await fetch(services, "SELECT wake_at = deadline AS same FROM masterlinc.workflow WHERE id = $1", made)
    assert rows[0]["same"]
    await execute(services, "UPDATE masterlinc.workflow SET deadline = now(), wake_at = now()")
    await settle(services)
    assert await status(services, made) == "failed"
    assert await steps(services, made) == {"a": "undone", "forever": "skipped", "last": "skipped"}
    assert (await flow(services, made))["error"] == "timed out"


async def test_a_parked_workflow_ends_at_its_deadline(kernel):
    async def park(ctx, request):
        raise Park("look at me")

    services = await kernel(
        toy(does("a", undo="toy.un_a"), does("b", "a"), tasks={"b": park}, timeout=timedelta(hours=1))
    )
    made, patient = await start(services), await start(services, "two")
    await settle(services)
    assert [await status(services, one) for one in (made, patient)] == ["parked", "parked"]
    assert (await flow(services, made))["starts"] == 1
    await execute(services, "UPDATE masterlinc.workflow SET deadline = now(), wake_at = now() WHERE id = $1", made)
    await settle(services)
    assert (await status(services, made), (await flow(services, made))["error"]) == ("failed", "timed out")
    assert await steps(services, made) == {"a": "undone", "b": "skipped"}
    assert await status(services, patient) == "parked"


@BOTH
async def test_a_step_is_cut_when_the_workflows_time_is_over(kernel, away):
    async def work(ctx, request):
        await asyncio.Event().wait()

    services = await kernel(
        toy(does("work", max_attempts=1), tasks={"work": work}, away=away, timeout=timedelta(milliseconds=300))
    )
    made = await start(services)
    async with asyncio.timeout(10):
        await settle(services)
    assert (await status(services, made), (await flow(services, made))["error"]) == ("failed", "timed out")


async def test_a_delay_is_a_row_until_its_time(kernel):
    services = await kernel(toy(does("a"), Step("delay", delay=timedelta(hours=1)), does("b", "delay")))
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "waiting"
    row = await step(services, made, "delay")
    assert row["wake_at"] - row["started_at"] == timedelta(hours=1)
    await execute(
        services, "UPDATE masterlinc.workflow_step SET started_at = started_at - interval '1 hour' WHERE name = 'delay'"
    )
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "done"
    assert await effects(services) == ["a", "b"]


async def test_the_kernels_wait_is_a_row_too(kernel):
    services = await kernel(toy(does("a")))
    plan = Plan(
        "masterlinc.graph",
        1,
        "masterlinc",
        (PlanStep("nap", "masterlinc.wait", agent="masterlinc", outside=True, input={"seconds": 3600}),),
    )
    made = await start_plan(services, plan, actor=user("task:execute"))
    await settle(services)
    assert await status(services, made) == "waiting"
    assert (await step(services, made, "nap"))["attempts"] == 0
    await execute(services, "UPDATE masterlinc.workflow_step SET started_at = started_at - interval '1 hour'")
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "done"


@BOTH
async def test_a_step_knows_when_it_first_began(kernel, away):
    from masterlinc.agent import Wait

    seen = []

    async def work(ctx, request):
        seen.append(ctx.step.started_at)
        if len(seen) < 3:
            raise Wait(ctx.step.now + timedelta(hours=1))
        return StepDone()

    services = await kernel(toy(does("work"), tasks={"work": work}, away=away))
    made = await start(services)
    for _ in range(3):
        await settle(services)
        await due_now(services)
    assert await status(services, made) == "done"
    assert len(set(seen)) == 1


async def test_an_error_inside_of_a_savepoint_takes_only_its_own_step_back(kernel):
    faults = [1]

    async def work(ctx, request):
        await writes("work")(ctx, request)
        async with ctx.transaction() as transaction:
            await transaction.execute("SELECT 1 / $1::int", 0 if faults and not faults.pop() - 1 else 1)
        return StepDone()

    services = await kernel(toy(does("first"), does("work", "first"), does("last", "work"), tasks={"work": work}))
    made = await start(services)
    await settle(services)
    assert await steps(services, made) == {"first": "done", "work": "pending", "last": "pending"}
    assert "DivisionByZeroError" in (await step(services, made, "work"))["error"]
    await due_now(services)
    await settle(services)
    assert await effects(services) == ["first", "work", "last"]
    assert await status(services, made) == "done"


async def test_a_swallowed_database_error_in_a_local_step_commits_nothing_and_blames_that_step(kernel):
    async def work(ctx, request):
        async with ctx.transaction() as transaction:
            try:
                await transaction.execute("SELECT 1 / 0")
            except asyncpg.PostgresError:
                return StepDone("as if nothing had been")
        return StepDone()

    services = await kernel(toy(does("first"), does("work", "first", max_attempts=1), tasks={"work": work}))
    made = await start(services)
    await settle(services)
    assert await steps(services, made) == {"first": "done", "work": "parked"}
    assert await effects(services) == ["first"]
