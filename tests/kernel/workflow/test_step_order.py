"""Which step runs when: in order, side by side, as a graph; and what a failure leaves of it."""

import asyncio

import pytest
from toys import does, effects, flow, settle, start, start_plan, status, step, steps, toy, turn, user, writes

from masterlinc.agent import Fail, Park, StepDone
from masterlinc.plans.plan import Plan, PlanStep

PATIENCE = 10


def fails(fault: Exception):
    async def run(ctx, request):
        raise fault

    return run


@pytest.mark.parametrize(
    "away", [frozenset(), frozenset({"a", "b", "c", "d"}), frozenset({"b"}), frozenset({"a", "d"})]
)
async def test_a_diamond_runs_each_step_once_and_after_what_it_needs(kernel, away):
    services = await kernel(toy(does("a"), does("b", "a"), does("c", "a"), does("d", "b", "c"), away=away))
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "done"
    done = await effects(services)
    assert sorted(done) == ["a", "b", "c", "d"]
    assert (done[0], done[-1]) == ("a", "d")


async def test_outside_steps_run_side_by_side(kernel):
    both = asyncio.Barrier(2)

    async def meets(ctx, request):
        await both.wait()  # ends only when the other one runs as well
        return StepDone()

    services = await kernel(
        toy(does("left"), does("right"), tasks={"left": meets, "right": meets}, away=frozenset({"left", "right"}))
    )
    made = await start(services)
    async with asyncio.timeout(PATIENCE):
        await settle(services)
    assert await status(services, made) == "done"


async def test_a_branch_goes_on_while_another_one_still_runs(kernel):
    done = asyncio.Event()

    async def slow(ctx, request):
        await done.wait()
        return StepDone()

    async def last(ctx, request):
        done.set()
        return StepDone()

    for local in (frozenset({"quick", "last"}), frozenset({"quick"}), frozenset()):
        done.clear()
        agent = toy(
            does("slow"),
            does("quick"),
            does("last", "quick"),
            tasks={"slow": slow, "last": last},
            away=frozenset({"slow", "quick", "last"}) - local,
        )
        services = await kernel(agent)
        made = await start(services)
        async with asyncio.timeout(PATIENCE):
            await settle(services)
        assert await status(services, made) == "done"


async def test_a_failed_attempt_is_tried_again_while_another_branch_still_runs(kernel, monkeypatch):
    from masterlinc.workflow import calling  # the back-off is a second

    monkeypatch.setattr(calling, "backoff", lambda _: calling._SOON)
    released, faults = asyncio.Event(), [RuntimeError()]

    async def slow(ctx, request):
        await released.wait()
        return StepDone()

    async def shaky(ctx, request):
        if faults:
            raise faults.pop()
        released.set()
        return StepDone()

    services = await kernel(
        toy(does("slow"), does("shaky"), tasks={"slow": slow, "shaky": shaky}, away=frozenset({"slow", "shaky"}))
    )
    made = await start(services)
    async with asyncio.timeout(PATIENCE):
        await settle(services)
    assert await status(services, made) == "done"


async def test_a_timer_ends_while_another_branch_still_runs(kernel):
    from datetime import timedelta

    from masterlinc.agent import Step

    released = asyncio.Event()

    async def slow(ctx, request):
        await released.wait()
        return StepDone()

    async def after(ctx, request):
        released.set()
        return StepDone()

    services = await kernel(
        toy(
            does("slow"),
            Step("timer", delay=timedelta(milliseconds=50), after=()),
            does("then", "timer"),
            tasks={"slow": slow, "then": after},
            away=frozenset({"slow", "then"}),
        )
    )
    made = await start(services)
    async with asyncio.timeout(PATIENCE):
        await settle(services)
    assert await status(services, made) == "done"


@pytest.mark.parametrize("away", [frozenset(), frozenset({"bad", "good", "after_good"})])
async def test_fail_skips_the_dependants_lets_other_branches_end_and_keeps_the_reason(kernel, away):
    services = await kernel(
        toy(
            does("bad"),
            does("good"),
            does("after_bad", "bad"),
            does("after_good", "good"),
            does("join", "after_bad", "after_good"),
            tasks={"bad": fails(Fail("the member is unknown"))},
            away=away,
            on_failure="fail",
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "failed"
    assert await steps(services, made) == {
        "bad": "failed", "good": "done", "after_bad": "skipped", "after_good": "done", "join": "skipped",
    }  # fmt: skip
    assert await effects(services) == ["good", "after_good"]
    assert (await flow(services, made))["error"] == "bad: Fail: the member is unknown"


async def test_park_stops_the_workflow_where_it_is(kernel):
    services = await kernel(
        toy(does("first"), does("bad", "first"), does("last", "bad"), tasks={"bad": fails(Park("why"))})
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) == "parked"
    assert await steps(services, made) == {"first": "done", "bad": "parked", "last": "pending"}


async def test_a_step_that_runs_while_another_one_parks_still_counts(kernel):
    parked = asyncio.Event()

    async def bad(ctx, request):
        parked.set()
        raise Park("why")

    async def good(ctx, request):
        await parked.wait()
        return await writes("good")(ctx, request)

    services = await kernel(
        toy(does("bad"), does("good"), tasks={"bad": bad, "good": good}, away=frozenset({"bad", "good"}))
    )
    made = await start(services)
    await settle(services)
    assert (await status(services, made), await steps(services, made)) == ("parked", {"bad": "parked", "good": "done"})


async def test_local_steps_show_when_they_began_and_ended(kernel):
    services = await kernel(toy(does("a"), does("b", "a")))
    made = await start(services)
    await settle(services)
    for name in ("a", "b"):
        row = await step(services, made, name)
        assert row["started_at"] is not None
        assert row["started_at"] <= row["finished_at"]


async def test_what_cannot_be_stored_of_a_note_does_not_stop_the_workflow(kernel):
    async def odd(ctx, request):
        return StepDone("a\x00b\ud800c")

    for away in (frozenset(), frozenset({"odd"})):
        services = await kernel(toy(does("odd"), tasks={"odd": odd}, away=away))
        made = await start(services)
        await settle(services)
        assert await status(services, made) == "done"


async def test_an_answer_that_cannot_be_written_is_the_steps_own_failure(kernel):
    async def odd(ctx, request):
        return object()

    for away in (frozenset(), frozenset({"odd"})):
        agent = toy(does("first"), does("odd", "first", max_attempts=1), tasks={"odd": odd}, away=away)
        services = await kernel(agent)
        made = await start(services)
        await settle(services)
        assert await steps(services, made) == {"first": "done", "odd": "parked"}


async def test_a_plan_without_steps_is_done(kernel):
    services = await kernel(toy(does("a")))
    made = await start_plan(services, Plan("toy.empty", 1, "toy", ()))
    assert await turn(services) == 1
    assert await status(services, made) == "done"


async def test_the_key_is_given_to_steps_and_outputs_to_those_after(kernel):
    services = await kernel(toy(does("a")))
    plan = Plan(
        "masterlinc.graph",
        1,
        "masterlinc",
        (
            PlanStep("first", "masterlinc.echo", agent="masterlinc", outside=True, input={"message": {"n": [7]}}),
            PlanStep(
                "second",
                "masterlinc.echo",
                agent="masterlinc",
                outside=True,
                depends_on=(1,),
                input={"message": "${first.message.n[0]}"},
            ),
        ),
        "fail",
    )
    made = await start_plan(services, plan, actor=user("task:execute"))
    await settle(services)
    assert await steps(services, made) == {"first": "done", "second": "done"}
