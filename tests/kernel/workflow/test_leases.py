"""Who holds a workflow, and what becomes of work whose process or commit is lost."""

import asyncio
from contextlib import suppress

import pytest
from toys import (
    does,
    due_now,
    effects,
    fails_to_commit,
    flow,
    settle,
    start,
    status,
    step,
    steps,
    take_away,
    toy,
    turn,
    with_late_constraint,
    writes,
)

from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Workflow
from masterlinc.context import Services
from masterlinc.errors import Unavailable
from masterlinc.workflow import engine

BOTH = pytest.mark.parametrize("away", [frozenset(), frozenset({"work"})], ids=["local", "outside"])


class PowerCut(BaseException):
    """What ends a process in the middle of a step."""


@BOTH
async def test_a_process_that_lost_its_lease_in_the_middle_changes_nothing(kernel, new_database, away):
    entered, lost, slow = asyncio.Event(), asyncio.Event(), [True]

    async def work(ctx, request):
        answer = await writes("work")(ctx, request) if not away else StepDone()
        if slow:
            slow.pop()
            entered.set()
            await lost.wait()
        return answer

    urls = await new_database()
    agent = toy(does("first"), does("work", "first"), does("last", "work"), tasks={"work": work}, away=away)
    hung, other = [await kernel(agent, urls=urls) for _ in range(2)]
    made = await start(hung)
    (run,) = await engine.claim(hung, ["toy"], 1)
    working = asyncio.create_task(engine.advance(hung, run))
    await entered.wait()
    await take_away(other)
    await settle(other)
    assert await status(other, made) == "done"
    lost.set()
    await working
    done = await effects(other)
    assert sorted(done) == sorted({*done}) == sorted({"first", "last", *({"work"} - away)})
    assert (await flow(other, made))["starts"] == 2


async def test_two_processes_that_race_run_each_workflow_once(kernel, new_database):
    urls = await new_database()
    agent = toy(does("a"), does("b", "a"), away=frozenset({"b"}))
    both = [await kernel(agent, urls=urls) for _ in range(2)]
    made = [await start(both[0], f"key{number}") for number in range(20)]
    await asyncio.gather(*(settle(services) for services in both))
    assert {await status(both[0], one) for one in made} == {"done"}
    assert len(await effects(both[0])) == 2 * len(made)


async def test_a_commit_that_fails_is_the_fault_of_one_step_only(kernel, new_database):
    faults = [1, 1]  # of the batch, and of the step alone
    services = await kernel(
        toy(does("a"), does("b", "a"), does("c", "b"), tasks={"b": fails_to_commit(faults, "b")}),
        urls=await with_late_constraint(await new_database()),
    )
    made = await start(services)
    await settle(services)
    assert await steps(services, made) == {"a": "done", "b": "pending", "c": "pending"}
    assert (await step(services, made, "b"))["attempts"] == 1
    assert "UniqueViolationError" in (await step(services, made, "b"))["error"]
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "done"
    assert await effects(services) == ["a", "b", "c"]


async def test_what_ended_beside_a_transaction_that_failed_still_counts(kernel, new_database):
    entered, released = asyncio.Event(), asyncio.Event()
    faults = [1]

    async def away(ctx, request):
        await entered.wait()
        released.set()
        return await writes("away")(ctx, request)

    inner = fails_to_commit(faults, "local")

    async def local(ctx, request):
        entered.set()
        await released.wait()
        return await inner(ctx, request)

    services = await kernel(
        toy(
            does("quick"),
            does("away"),
            does("local", "quick"),
            does("last", "local", "away"),
            tasks={"away": away, "local": local},
            away=frozenset({"quick", "away"}),
        ),
        urls=await with_late_constraint(await new_database()),
    )
    made = await start(services)
    async with asyncio.timeout(10):
        await settle(services)
    await due_now(services)
    await settle(services)
    assert await status(services, made) == "done"
    assert sorted(await effects(services)) == ["away", "last", "local", "quick"]
    assert (await step(services, made, "away"))["attempts"] == 1


async def test_a_commit_that_may_have_happened_is_not_repeated(kernel, monkeypatch):
    from masterlinc.db import transaction as module

    commit, lost = module._commit, []
    services = await kernel(toy(does("a"), does("b", "a"), away=frozenset({"b"})))
    async with services.db.transaction() as transaction:
        ours = await transaction.fetchval("SELECT current_database()")

    async def lose(connection, closing):
        await commit(connection, closing)
        if await connection.fetchval("SELECT current_database()") == ours:  # others run beside this test
            lost.append(closing)
            raise ConnectionResetError

    made = await start(services)
    (run,) = await engine.claim(services, ["toy"], 1)
    monkeypatch.setattr(module, "_commit", lose)
    with suppress(ConnectionResetError, Unavailable):
        await engine.advance(services, run)
    assert lost
    monkeypatch.setattr(module, "_commit", commit)
    await take_away(services)
    await settle(services)
    assert await status(services, made) == "done"
    assert await effects(services) == ["a", "b"]


@BOTH
async def test_poison_is_parked_and_its_innocent_siblings_are_done(kernel, away):
    starts = []

    async def work(ctx, request):
        starts.append(1)
        raise PowerCut

    services = await kernel(
        toy(
            does("work", max_attempts=3),
            does("left"),
            does("right"),
            does("after", "left", "right"),
            does("join", "work", "after"),
            tasks={"work": work},
            away=away | (frozenset({"left", "right"}) if away else frozenset()),
        )
    )
    made = await start(services)
    for _ in range(7):
        with suppress(PowerCut):
            await turn(services)
        await take_away(services)
    assert await status(services, made) == "parked"
    assert await steps(services, made) == {
        "work": "parked", "left": "done", "right": "done", "after": "done", "join": "pending",
    }  # fmt: skip
    assert 3 <= len(starts) <= 4
    assert sorted(set(await effects(services))) == ["after", "left", "right"]
    assert "never finished" in (await flow(services, made))["error"]


@BOTH
async def test_who_runs_beside_poison_is_not_parked_with_it(kernel, away):
    keys = ("left", "poison", "right")
    begun: set[str] = set()
    runs: list[asyncio.Task[None]] = []
    died = asyncio.Event()

    async def work(ctx, request):
        begun.add(request.key)
        if request.key == "poison":
            died.set()
            for run in runs:  # with the process, at this very moment
                run.cancel()
            raise PowerCut
        with suppress(TimeoutError):  # slow enough to be in the middle of it when another one ends the process
            async with asyncio.timeout(0.1):
                await died.wait()
            await asyncio.Event().wait()
        return StepDone()

    services = await kernel(toy(does("work", max_attempts=3), tasks={"work": work}, away=away))
    made = {key: await start(services, key) for key in keys}
    for _ in range(12):
        claimed = await engine.claim(services, ["toy"], 9)
        runs[:] = [asyncio.create_task(engine.advance(services, run)) for run in claimed]
        await asyncio.gather(*runs, return_exceptions=True)
        died.clear()
        await take_away(services)
    assert begun == set(keys)
    assert {key: await status(services, made[key]) for key in keys} == {
        "left": "done", "poison": "parked", "right": "done",
    }  # fmt: skip


async def test_an_undo_that_kills_its_process_is_parked_in_the_end(kernel):
    async def bad(ctx, request):
        from masterlinc.agent import Fail

        raise Fail("no")

    async def un_a(ctx, request):
        raise PowerCut

    services = await kernel(
        toy(
            does("a", undo="toy.un_a", max_attempts=2),
            does("bad", "a"),
            tasks={"bad": bad, "un_a": un_a},
            on_failure="undo",
        )
    )
    made = await start(services)
    for _ in range(6):
        with suppress(PowerCut):
            await turn(services)
        await take_away(services)
    assert (await status(services, made), (await steps(services, made))["a"]) == ("parked", "parked")


async def test_a_step_that_ends_well_after_a_crash_takes_the_suspicion_away(kernel):
    deaths = [1]

    async def work(ctx, request):
        if deaths:
            deaths.pop()
            raise PowerCut
        return StepDone()

    services = await kernel(toy(does("work"), Step("wait", signal="never"), tasks={"work": work}))
    made = await start(services)
    with suppress(PowerCut):
        await turn(services)
    await take_away(services)
    await settle(services)
    row = await flow(services, made)
    assert (row["status"], row["crashes"]) == ("waiting", 0)
    assert (await step(services, made, "work"))["attempts"] == 1


async def test_a_deadlock_of_two_workflows_ends_and_counts_as_no_attempt(kernel):
    first, second = asyncio.Event(), asyncio.Event()

    def locks(mine: int, theirs: int, own: asyncio.Event, other: asyncio.Event):
        async def run(ctx, request):
            async with ctx.transaction() as transaction:
                await transaction.execute("SELECT pg_advisory_xact_lock($1)", mine)
                own.set()
                await other.wait()
                await transaction.execute("SELECT pg_advisory_xact_lock($1)", theirs)
            return StepDone()

        return run

    tasks = {"x": locks(1, 2, first, second), "y": locks(2, 1, second, first)}
    made = tuple(
        Task(StepInput, StepDone, run, name, name, name=name, joins_transaction=True) for name, run in tasks.items()
    )
    flows = tuple(Workflow(f"w{name}", 1, (Step("only", f"toy.{name}", max_attempts=1),)) for name in tasks)
    services: Services = await kernel(Agent("toy", "Toy", "لعبة", "1", ">=0.1", tasks=made, workflows=flows))
    both = [await start(services, name=f"toy.w{name}") for name in tasks]
    runs = await engine.claim(services, ["toy"], 2)
    async with asyncio.timeout(20):
        await asyncio.gather(*(engine.advance(services, run) for run in runs))
        await due_now(services)
        await settle(services)
    assert [await status(services, one) for one in both] == ["done", "done"]


async def test_a_cancelled_process_leaves_a_local_step_undone(kernel):
    entered = asyncio.Event()

    async def work(ctx, request):
        await writes("work")(ctx, request)
        if not entered.is_set():
            entered.set()
            await asyncio.Event().wait()
        return StepDone()

    services = await kernel(toy(does("work"), tasks={"work": work}))
    made = await start(services)
    (run,) = await engine.claim(services, ["toy"], 1)
    working = asyncio.create_task(engine.advance(services, run))
    await entered.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    assert await effects(services) == []
    await take_away(services)
    await settle(services)
    assert (await status(services, made), await effects(services)) == ("done", ["work"])


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("failing", [True, False])
async def test_processes_of_different_agents_run_one_workflow_to_its_end(kernel, new_database, local, failing):
    from masterlinc.agent import Fail

    ran: list[tuple[str, str]] = []

    def task(agent: str, name: str) -> Task:
        async def run(ctx, request):
            ran.append((ctx.settings.process.name, name))
            if name == "end" and failing:
                raise Fail("no")
            return StepDone()

        return Task(StepInput, StepDone, run, name, name, name=name, joins_transaction=local)

    plan = (
        Step("a", "left.do", undo="right.undo"),
        Step("b", "right.do", undo="left.undo", after=("a",)),
        Step("c", "left.do", after=("a",)),
        Step("end", "right.end", after=("b", "c")),
    )
    flows = (Workflow("work", 1, plan, on_failure="undo"),)
    agents = [
        Agent(name, name, name, "1", ">=0.1", tasks=tuple(task(name, one) for one in ("do", "undo", "end")),
            workflows=flows if name == "left" else ())
        for name in ("left", "right")
    ]  # fmt: skip
    urls = await new_database()
    both = {name: await kernel(*agents, urls=urls) for name in ("left", "right")}
    for name, services in both.items():
        services.settings.process.name, services.served = name, frozenset({name})
    made = await start(both["left"], name="left.work")
    for _ in range(8):
        for services in both.values():
            await settle(services)
    assert await status(both["left"], made) == ("failed" if failing else "done")
    deeds = [("left", "do"), ("left", "do"), ("right", "do"), ("right", "end")]
    undone = [("left", "undo"), ("right", "undo")]
    assert sorted(ran) == sorted(deeds + (undone if failing else []))


async def test_a_lost_connection_in_a_step_is_an_attempt_and_no_end(kernel):
    faults = [1]

    async def work(ctx, request):
        async with ctx.transaction() as transaction:
            if faults:
                faults.pop()
                await transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return await writes("work")(ctx, request)

    services = await kernel(toy(does("a"), does("work", "a"), tasks={"work": work}))
    made = await start(services)
    await settle(services)
    await due_now(services)
    await settle(services)
    assert (await status(services, made), await effects(services)) == ("done", ["a", "work"])
