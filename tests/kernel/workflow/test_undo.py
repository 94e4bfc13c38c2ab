"""What was done is taken back, in reverse order of completion."""

import asyncio
from datetime import timedelta

import pytest
from toys import (
    SCOPE,
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
    turn,
    user,
    writes,
)

from masterlinc.agent import Fail, Retry, StepDone, Wait
from masterlinc.plans import control
from masterlinc.plans.plan import Plan, PlanStep


def fails(fault: Exception):
    async def run(ctx, request):
        raise fault

    return run


def undone(name: str, *after: str):
    return does(name, *after, undo=f"toy.un_{name}")


@pytest.mark.parametrize("away", [frozenset(), frozenset({"a", "c", "un_a", "un_b"}), frozenset({"a", "b", "c"})])
async def test_steps_are_taken_back_last_first(kernel, away):
    services = await kernel(
        toy(
            undone("a"),
            undone("b", "a"),
            does("quiet", "b"),
            undone("c", "quiet"),
            does("bad", "c"),
            tasks={"bad": fails(Fail("no"))},
            away=away,
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "failed"
    assert await effects(services) == ["a", "b", "quiet", "c", "un_c", "un_b", "un_a"]
    assert await steps(services, made) == {
        "a": "undone", "b": "undone", "quiet": "done", "c": "undone", "bad": "failed",
    }  # fmt: skip
    assert (await flow(services, made))["error"] == "bad: Fail: no"


async def test_parallel_steps_are_taken_back_in_the_reverse_order_of_their_ends(kernel):
    second, third = asyncio.Event(), asyncio.Event()

    async def a(ctx, request):
        await third.wait()
        return await writes("a")(ctx, request)

    async def b(ctx, request):
        await second.wait()
        answer = await writes("b")(ctx, request)
        third.set()
        return answer

    async def c(ctx, request):
        answer = await writes("c")(ctx, request)
        second.set()
        return answer

    services = await kernel(
        toy(
            undone("a"),
            undone("b"),
            undone("c"),
            does("bad", "a", "b", "c"),
            tasks={"a": a, "b": b, "c": c, "bad": fails(Fail("no"))},
            away=frozenset("abc"),
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "failed"
    assert await effects(services) == ["c", "b", "a", "un_a", "un_b", "un_c"]


async def test_what_still_runs_when_another_step_fails_is_awaited_and_taken_back(kernel):
    failed = asyncio.Event()

    async def bad(ctx, request):
        failed.set()
        raise Fail("no")

    async def slow(ctx, request):
        await failed.wait()
        return await writes("slow")(ctx, request)

    services = await kernel(
        toy(
            does("bad"),
            undone("slow"),
            does("never", "slow"),
            tasks={"bad": bad, "slow": slow},
            away=frozenset({"bad", "slow"}),
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    assert await effects(services) == ["slow", "un_slow"]
    assert await steps(services, made) == {"bad": "failed", "slow": "undone", "never": "skipped"}
    assert await status(services, made) == "failed"


@pytest.mark.parametrize("away", [frozenset(), frozenset({"un_b"})])
async def test_an_undo_that_fails_is_parked_and_goes_on_when_retried(kernel, away):
    faults = [RuntimeError()] * 3

    async def un_b(ctx, request):
        if faults:
            raise faults.pop()
        return await writes("un_b")(ctx, request)

    services = await kernel(
        toy(
            undone("a"),
            does("b", "a", undo="toy.un_b", max_attempts=3),
            does("bad", "b"),
            tasks={"un_b": un_b, "bad": fails(Fail("no"))},
            away=away,
            on_failure="undo",
        )
    )
    made = await start(services)
    for _ in range(3):
        assert await status(services, made) in {"running", "undoing"}
        await settle(services)
        await due_now(services)
    assert await status(services, made) == "parked"
    assert await steps(services, made) == {"a": "done", "b": "parked", "bad": "failed"}
    assert (await step(services, made, "b"))["undo_attempts"] == 3
    async with services.db.transaction(SCOPE) as transaction:
        await control.retry(services, transaction, made, None)
    assert await status(services, made) == "undoing"
    await settle(services)
    assert await status(services, made) == "failed"
    assert await effects(services) == ["a", "b", "un_b", "un_a"]
    assert await steps(services, made) == {"a": "undone", "b": "undone", "bad": "failed"}


async def test_an_undo_that_cannot_be_mended_is_given_up_by_a_cancel(kernel):
    services = await kernel(
        toy(
            undone("a"),
            does("b", "a", undo="toy.un_b", max_attempts=1),
            does("bad", "b"),
            tasks={"un_b": fails(RuntimeError()), "bad": fails(Fail("no"))},
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "parked"
    async with services.db.transaction(SCOPE) as transaction:
        await control.cancel(services, transaction, made, "done by hand", None)
    await settle(services)
    assert await status(services, made) == "cancelled"
    assert await steps(services, made) == {"a": "undone", "b": "failed", "bad": "failed"}
    assert await effects(services) == ["a", "b", "un_a"]


async def test_an_undo_is_tried_again_after_a_passing_fault_and_no_sooner(kernel):
    faults = [Retry("the hub sleeps", timedelta(hours=1))]

    async def un_a(ctx, request):
        if faults:
            raise faults.pop()
        return StepDone()

    services = await kernel(
        toy(undone("a"), does("bad", "a"), tasks={"un_a": un_a, "bad": fails(Fail("no"))}, on_failure="undo")
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "undoing"
    assert (await step(services, made, "a"))["undo_attempts"] == 0
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "failed"


async def test_an_undo_that_waits_is_not_asked_without_end(kernel):
    services = await kernel(
        toy(undone("a"), does("bad", "a"), tasks={"un_a": fails(Wait()), "bad": fails(Fail("no"))}, on_failure="undo")
    )
    made = await start(services)
    await settle(services, turns=5)
    assert await status(services, made) == "undoing"


async def test_the_undoing_of_a_workflow_that_ran_out_of_time_waits_for_its_back_off(kernel):
    calls = []

    async def un_a(ctx, request):
        calls.append(1)
        raise Retry("the hub sleeps", timedelta(hours=1))

    from masterlinc.agent import Step

    services = await kernel(
        toy(
            undone("a"),
            Step("forever", signal="never"),
            tasks={"un_a": un_a},
            timeout=timedelta(hours=1),
        )
    )
    made = await start(services)
    await settle(services)
    await execute(services, "UPDATE masterlinc.workflow SET deadline = now(), wake_at = now()")
    await settle(services, turns=5)
    assert await status(services, made) == "undoing"
    assert calls == [1]


async def test_an_undo_has_a_key_of_its_own_and_its_own_input(kernel):
    seen = []

    async def remember(ctx, request):
        seen.append(ctx.step.key)
        return StepDone()

    services = await kernel(
        toy(
            undone("a"),
            does("bad", "a"),
            tasks={"a": remember, "un_a": remember, "bad": fails(Fail("no"))},
            on_failure="undo",
        )
    )
    await start(services)
    await settle(services)
    assert len(set(seen)) == 2  # an outside service must not take the undo for the deed again


async def test_undo_input_takes_values_of_the_step_itself(kernel):
    from msgspec import Struct

    from masterlinc.agent import Agent, Task

    class Book(Struct, frozen=True):
        room: str

    class Booked(Struct, frozen=True):
        number: int

    class Unbook(Struct, frozen=True):
        number: int

    gone = []

    async def book(ctx, request):
        return Booked(17)

    async def unbook(ctx, request):
        gone.append(request.number)
        return StepDone()

    async def bad(ctx, request):
        raise Fail("no")

    agent = Agent(
        "toy", "Toy", "لعبة", "1", ">=0.1",
        tasks=(
            Task(Book, Booked, book, "b", "b", permission="toy:use"),
            Task(Unbook, StepDone, unbook, "u", "u", permission="toy:use"),
            Task(Book, Booked, bad, "x", "x", permission="toy:use", name="bad"),
        ),
    )  # fmt: skip
    services = await kernel(agent)
    plan = Plan(
        "masterlinc.graph", 1, "toy",
        (
            PlanStep("a", "toy.book", agent="toy", outside=True, input={"room": "1"}, undo="toy.unbook",
                undo_input={"number": "${a.number}"}),
            PlanStep("b", "toy.bad", agent="toy", outside=True, input={"room": "1"}, depends_on=(1,)),
        ),
        "undo",
    )  # fmt: skip
    made = await start_plan(services, plan, actor=user("toy:use"))
    await settle(services)
    assert (await status(services, made), gone) == ("failed", [17])


async def test_a_child_workflow_can_be_taken_back_by_a_task(kernel):
    from masterlinc.agent import Step, Workflow

    services = await kernel(
        toy(
            Step("child", workflow="toy.sub", undo="toy.un_child"),
            does("bad", "child"),
            tasks={"bad": fails(Fail("no")), "sub": writes("sub"), "un_child": writes("un_child")},
            others=(Workflow("sub", 1, (Step("only", "toy.sub"),)),),
            on_failure="undo",
        )
    )
    made = await start(services)
    await settle(services)
    assert await effects(services) == ["sub", "un_child"]
    assert await status(services, made) == "failed"


async def test_the_timeline_tells_what_was_undone(kernel):
    services = await kernel(toy(undone("a"), does("bad", "a"), tasks={"bad": fails(Fail("no"))}, on_failure="undo"))
    made = await start(services)
    while await turn(services):
        pass
    notes = await fetch(
        services, "SELECT kind, step FROM masterlinc.workflow_note WHERE workflow_id = $1 ORDER BY id", made
    )
    assert [tuple(note) for note in notes] == [("failed", "bad"), ("undone", "a")]
