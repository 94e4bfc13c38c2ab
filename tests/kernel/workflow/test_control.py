"""Cancel, retry and fork, in every state."""

import asyncio
from datetime import timedelta

import pytest
from toys import (
    ORGANIZATION,
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
    steps,
    toy,
    turn,
    user,
    writes,
)

from masterlinc.agent import Agent, Fail, Park, Step, StepDone
from masterlinc.errors import NotFound
from masterlinc.ids import new_id
from masterlinc.plans import control, forking
from masterlinc.plans.plan import Plan, PlanStep
from masterlinc.plans.starting import label
from masterlinc.wire import tree
from masterlinc.workflow import engine

MONTHS_AGO = """
UPDATE masterlinc.workflow SET created_at = created_at - interval '90 d', deadline = deadline - interval '90 d',
    retried_at = retried_at - interval '90 d'
"""


async def cancel(services, workflow, scope=SCOPE):
    async with services.db.transaction(scope) as transaction:
        return await control.cancel(services, transaction, workflow, "no longer wanted", None)


async def retry(services, workflow):
    async with services.db.transaction(SCOPE) as transaction:
        await control.retry(services, transaction, workflow, None)


async def fork(services, workflow, step, key="forked"):
    async with services.db.transaction(SCOPE) as transaction:
        return await forking.fork(services, transaction, workflow, step, key, None)


def once(fault: Exception, name: str, faults=None):
    left = [fault]

    async def run(ctx, request):
        if left:
            raise left.pop()
        return await writes(name)(ctx, request)

    return run


@pytest.mark.parametrize("state", ["new", "waiting", "backing off", "parked"])
async def test_cancel_takes_back_what_was_done_and_ends(kernel, state):
    async def second(ctx, request):
        raise {"parked": Park("x"), "backing off": RuntimeError()}.get(state) or AssertionError

    wait = Step("wait", signal="never") if state == "waiting" else does("second", "first")
    services = await kernel(toy(does("first", undo="toy.un_first"), wait, tasks={"second": second}))
    made = await start(services)
    if state != "new":
        await settle(services)
    await cancel(services, made)
    await settle(services)
    assert await status(services, made) == "cancelled"
    assert await effects(services) == ([] if state == "new" else ["first", "un_first"])
    assert set((await steps(services, made)).values()) <= {"skipped", "undone"}
    notes = await fetch(services, "SELECT kind, detail FROM masterlinc.workflow_note WHERE kind = 'cancelled'")
    assert [tuple(note) for note in notes] == [("cancelled", "no longer wanted")]
    with pytest.raises(control.WrongState):
        await cancel(services, made)


@pytest.mark.parametrize("away", [frozenset(), frozenset({"slow"})])
async def test_a_step_that_runs_while_it_is_cancelled_does_not_count(kernel, away):
    running, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(ctx, request):
        if not away:
            await writes("slow")(ctx, request)
        running.set()
        await cancelled.wait()
        return StepDone()

    services = await kernel(
        toy(
            does("first", undo="toy.un_first"),
            does("slow", "first"),
            does("last", "slow"),
            tasks={"slow": slow},
            away=away,
        )
    )
    made = await start(services)
    await turn_first(services)
    (run,) = await engine.claim(services, ["toy"], 1)
    working = asyncio.create_task(engine.advance(services, run))
    await running.wait()
    await cancel(services, made)
    await settle(services)
    cancelled.set()
    await working
    await settle(services)
    assert await status(services, made) == "cancelled"
    assert await steps(services, made) == {"first": "undone", "slow": "skipped", "last": "skipped"}
    assert await effects(services) == ["first", "un_first"]


async def turn_first(services):
    """Run the first step only, so that what follows is in a transaction of its own."""
    await execute(
        services, "UPDATE masterlinc.workflow_step SET status = 'done', finished_at = now() WHERE name = 'first'"
    )
    async with services.db.transaction(SCOPE) as transaction:
        transaction.audit("toy.first", "toy", "one", organization_id=ORGANIZATION)


async def test_a_foreign_workflow_is_not_found(kernel):
    services = await kernel(toy(does("first")))
    made = await start(services)
    for scope in (frozenset(), frozenset({new_id()})):
        with pytest.raises(NotFound):
            await cancel(services, made, scope)


@pytest.mark.parametrize(("fault", "on_failure"), [(Park("x"), "park"), (Fail("x"), "park"), (Fail("x"), "fail")])
async def test_retry_goes_on_where_it_stopped(kernel, fault, on_failure):
    services = await kernel(
        toy(
            does("a"),
            does("b", "a"),
            does("c", "b"),
            does("other", "a"),
            tasks={"b": once(fault, "b")},
            on_failure=on_failure,
        )
    )
    made = await start(services)
    await settle(services)
    assert await status(services, made) in {"parked", "failed"}
    await retry(services, made)
    await settle(services)
    row = await flow(services, made)
    assert (row["status"], row["error"]) == ("done", None)
    assert sorted(await effects(services)) == ["a", "b", "c", "other"]
    with pytest.raises(control.WrongState):
        await retry(services, made)


@pytest.mark.parametrize("on_failure", ["park", "fail"])
async def test_a_retry_has_the_whole_time_of_its_workflow_again_however_often(kernel, on_failure):
    faults = [Fail("x"), Fail("x")]

    async def b(ctx, request):
        if faults:
            raise faults.pop()
        return await writes("b")(ctx, request)

    services = await kernel(
        toy(does("a"), does("b", "a"), tasks={"b": b}, on_failure=on_failure, timeout=timedelta(hours=1))
    )
    made = await start(services)
    for _ in range(2):
        await settle(services)
        assert await status(services, made) == {"park": "parked", "fail": "failed"}[on_failure]
        await execute(services, MONTHS_AGO)
        await retry(services, made)
        row = await flow(services, made)
        assert timedelta(minutes=59) < row["deadline"] - row["changed_at"] < timedelta(hours=1)
    await settle(services)
    assert await status(services, made) == "done"
    again = await flow(services, await fork(services, made, "b"))
    assert again["deadline"] - again["created_at"] == timedelta(hours=1)


async def test_a_workflow_without_a_deadline_has_none_after_a_retry(kernel):
    services = await kernel(toy(does("a"), tasks={"a": once(Park("x"), "a")}))
    made = await start(services)
    await settle(services)
    await retry(services, made)
    assert (await flow(services, made))["deadline"] is None


async def test_a_workflow_that_was_taken_back_is_not_retried_but_forked(kernel):
    services = await kernel(
        toy(
            does("a", undo="toy.un_a"),
            does("b", "a"),
            does("c", "b"),
            tasks={"c": once(Fail("x"), "c")},
            on_failure="undo",
            timeout=timedelta(hours=1),
        )
    )
    made = await start(services)
    await settle(services)
    assert await effects(services) == ["a", "b", "un_a"]
    with pytest.raises(control.WrongState):
        await retry(services, made)
    again = await fork(services, made, "c")
    await settle(services)
    assert await status(services, again) == "done"
    assert await effects(services) == ["a", "b", "un_a", "a", "b", "c"]  # what was taken back is done anew
    row = await flow(services, again)
    assert (row["forked_from"], row["deadline"] - row["created_at"]) == (made, timedelta(hours=1))
    assert await status(services, made) == "failed"
    assert await fork(services, made, "c") is None
    with pytest.raises(NotFound):
        await fork(services, made, "d", "other")


async def test_a_fork_keeps_the_answers_of_earlier_steps_sealed_for_it(kernel):
    services = await kernel(toy(does("x")))
    echo = {"task": "masterlinc.echo", "agent": "masterlinc", "outside": True}
    plan = Plan(
        "masterlinc.graph",
        1,
        "masterlinc",
        (
            PlanStep("a", input={"message": "canary"}, **echo),
            PlanStep("b", input={"message": "${a.message} ${context.c}"}, depends_on=(1,), **echo),
        ),
        "fail",
    )
    made = await start_plan(services, plan, actor=user("task:execute"), context={"c": "bird"})
    await settle(services)
    again = await fork(services, made, "b")
    await settle(services)
    assert await status(services, again) == "done"
    for workflow in (made, again):
        rows = await fetch(
            services,
            "SELECT position, output FROM masterlinc.step_payload WHERE workflow_id = $1 AND position > 0 ORDER BY 1",
            workflow,
        )
        opened = [
            tree(services.vault.open(ORGANIZATION, label(workflow, row["position"], "output"), row["output"]))
            for row in rows
        ]
        assert opened == [{"message": "canary"}, {"message": "canary bird"}]
    attempts = await fetch(services, "SELECT attempts FROM masterlinc.workflow_step WHERE workflow_id = $1", again)
    assert sorted(row["attempts"] for row in attempts) == [0, 1]


async def test_a_fork_from_a_step_whose_needs_have_no_answer_is_refused(kernel):
    services = await kernel(toy(does("a"), Step("wait", signal="go"), does("b", "wait")))
    made = await start(services)
    await settle(services)
    with pytest.raises(control.WrongState):
        await fork(services, made, "b")
    assert await fork(services, made, "wait") is not None


@pytest.mark.parametrize("count", [20])
async def test_a_key_that_many_start_at_once_starts_once(kernel, count):
    services = await kernel(toy(does("a")))
    made = await asyncio.gather(*(start(services) for _ in range(count)))
    assert sum(one is not None for one in made) == 1
    await settle(services)
    assert await effects(services) == ["a"]


async def test_a_stored_plan_goes_on_as_it_began_when_the_code_has_another(kernel, new_database):
    urls = await new_database()
    old = await kernel(toy(does("a"), Step("wait", signal="never", timeout=None), does("b", "wait")), urls=urls)
    made = await start(old)
    await settle(old)
    new = await kernel(toy(does("z"), version=2, tasks={"a": writes("a"), "b": writes("b")}), urls=urls)
    async with new.db.transaction(SCOPE) as transaction:
        await control.signal(new, transaction, made, "never", None, None)
    other = await start(new, "two")
    await settle(new)
    assert (await status(new, made), await status(new, other)) == ("done", "done")
    assert await effects(new) == ["a", "b", "z"] or await effects(new) == ["a", "z", "b"]
    assert ((await flow(new, made))["version"], (await flow(new, other))["version"]) == (1, 2)


async def test_a_step_runs_in_the_version_of_its_task_that_it_began_with(kernel, new_database):
    from dataclasses import replace

    urls = await new_database()
    agent = toy(Step("wait", signal="go"), does("a", "wait"))
    old = await kernel(agent, urls=urls)
    made = await start(old)
    newer = replace(agent.tasks[0], version=2, run=writes("a2"))

    def with_tasks(*tasks) -> Agent:
        return replace(agent, tasks=tasks)

    without = await kernel(with_tasks(newer), urls=urls)
    async with without.db.transaction(SCOPE) as transaction:
        await control.signal(without, transaction, made, "go", None, None)
    await settle(without)
    assert await status(without, made) == "running"
    assert "version 1" in (await flow(without, made))["error"]
    both = await kernel(with_tasks(agent.tasks[0], newer), urls=urls)
    await due_now(both)
    other = await start(both, "two")
    async with both.db.transaction(SCOPE) as transaction:
        await control.signal(both, transaction, other, "go", None, None)
    while await turn(both):
        pass
    assert (await status(both, made), await status(both, other)) == ("done", "done")
    assert sorted(await effects(both)) == ["a", "a2"]
