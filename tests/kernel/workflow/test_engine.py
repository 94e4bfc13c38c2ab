from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from masterlinc.agent import Agent, Park, Retry, Step, StepDone, StepInput, Task, Wait, Workflow
from masterlinc.context import Context, Services
from masterlinc.db import Transaction
from masterlinc.ids import new_id
from masterlinc.security.principal import service_principal
from masterlinc.workflow import engine
from masterlinc.workflow.states import steps_of

ORGANIZATION = new_id()


def agent_of(steps: dict[str, object], *, outside: frozenset[str] = frozenset(), max_attempts: int = 3) -> Agent:
    tasks = tuple(Task(StepInput, StepDone, run, name, name, name=name) for name, run in steps.items())
    plan = tuple(Step(name, f"toy.{name}", outside=name in outside, max_attempts=max_attempts) for name in steps)
    return Agent("toy", "Toy", "لعبة", "1", ">=0.1", tasks=tasks, workflows=(Workflow("work", 1, plan),))


def context_of(services: Services) -> Context:
    return Context("toy", services, service_principal("toy", frozenset({ORGANIZATION})))


async def start(services: Services, key: str = "one") -> bool:
    context = context_of(services)
    async with context.transaction() as transaction:
        return await context.start_workflow(transaction, "work", key, ORGANIZATION)


async def turn(services: Services) -> int:
    leases = await engine.claim(services, ["toy"], 10)
    for lease in leases:
        await engine.advance(services, lease)
    return len(leases)


async def state(services: Services, key: str = "one") -> tuple[str, list[str]]:
    async with services.db.transaction() as transaction:
        status = await transaction.fetchval("SELECT status FROM masterlinc.workflow WHERE business_key = $1", key)
        steps = await steps_of(transaction, "toy.work", key)
    return status, [step.status for step in steps]


async def due_now(services: Services) -> None:
    async with services.db.transaction() as transaction:
        await transaction.execute("UPDATE masterlinc.workflow_step SET wake_at = now() WHERE wake_at IS NOT NULL")
        await transaction.execute(
            "UPDATE masterlinc.workflow SET wake_at = now() WHERE status IN ('running', 'waiting')"
        )


def writes(name: str) -> object:
    async def step(ctx: Context, request: StepInput) -> StepDone:
        async with ctx.transaction() as transaction:
            transaction.audit(f"toy.{name}", "toy", request.key, organization_id=request.organization_id)
        return StepDone(f"{name} done")

    return step


async def effects(services: Services) -> list[str]:
    async with services.db.transaction(frozenset({ORGANIZATION})) as transaction:
        rows = await transaction.fetch(
            "SELECT action FROM masterlinc.audit_event WHERE action LIKE 'toy.%' ORDER BY id"
        )
    return [row["action"] for row in rows]


async def test_steps_run_in_order_and_each_effect_is_committed_with_its_checkpoint(kernel):
    services = await kernel(agent_of({"first": writes("first"), "second": writes("second")}))
    assert await start(services)
    await turn(services)
    assert await state(services) == ("done", ["done", "done"])
    assert await effects(services) == ["toy.first", "toy.second"]


async def test_a_business_key_starts_once(kernel):
    services = await kernel(agent_of({"first": writes("first")}))
    assert [await start(services), await start(services)] == [True, False]
    await turn(services)
    assert await turn(services) == 0
    assert await effects(services) == ["toy.first"]


async def test_a_failing_step_keeps_what_was_done_before_it_and_is_tried_again(kernel):
    failures = [RuntimeError("the first time"), None]

    async def shaky(ctx: Context, request: StepInput) -> StepDone:
        await writes("shaky")(ctx, request)
        if failures and (fault := failures.pop(0)):
            raise fault
        return StepDone()

    services = await kernel(agent_of({"first": writes("first"), "shaky": shaky, "last": writes("last")}))
    await start(services)
    await turn(services)
    assert await state(services) == ("running", ["done", "pending", "pending"])
    assert await effects(services) == ["toy.first"]
    await due_now(services)
    await turn(services)
    assert await state(services) == ("done", ["done", "done", "done"])
    assert await effects(services) == ["toy.first", "toy.shaky", "toy.last"]


async def test_a_step_that_always_fails_is_parked_with_its_reason(kernel):
    async def broken(ctx: Context, request: StepInput) -> StepDone:
        raise RuntimeError("never works")

    services = await kernel(agent_of({"broken": broken}, max_attempts=2))
    await start(services)
    for _ in range(3):
        await turn(services)
        await due_now(services)
    assert await state(services) == ("parked", ["parked"])
    async with services.db.transaction() as transaction:
        reason = await transaction.fetchval("SELECT error FROM masterlinc.workflow")
    assert "RuntimeError at broken" in reason
    assert "never works" not in reason  # a message may quote health data


async def test_park_is_not_tried_again(kernel):
    calls = []

    async def hopeless(ctx: Context, request: StepInput) -> StepDone:
        calls.append(request.key)
        raise Park("the payer does not exist")

    services = await kernel(agent_of({"hopeless": hopeless}))
    await start(services)
    await turn(services)
    assert await state(services) == ("parked", ["parked"])
    assert calls == ["one"]


async def test_retry_names_its_own_time(kernel):
    async def later(ctx: Context, request: StepInput) -> StepDone:
        raise Retry("the hub sleeps", timedelta(hours=1))

    services = await kernel(agent_of({"later": later}, max_attempts=1))
    await start(services)
    for _ in range(3):  # an outage may last longer than any number of attempts
        await turn(services)
        assert await state(services) == ("running", ["pending"])
        await due_now(services)
    await turn(services)
    async with services.db.transaction() as transaction:
        wait = await transaction.fetchval("SELECT wake_at - now() FROM masterlinc.workflow")
    assert timedelta(minutes=59) < wait < timedelta(minutes=61)


async def test_a_waiting_step_costs_no_attempt_and_goes_on_when_signalled(kernel):
    answers: list[str] = []

    async def wait(ctx: Context, request: StepInput) -> StepDone:
        if not answers:
            raise Wait
        return StepDone(answers[0])

    services = await kernel(agent_of({"wait": wait, "last": writes("last")}, max_attempts=1))
    await start(services)
    await turn(services)
    assert await state(services) == ("waiting", ["waiting", "pending"])
    assert await turn(services) == 0
    answers.append("approved")
    context = context_of(services)
    async with context.transaction() as transaction:
        await context.signal_workflow(transaction, "toy.work", "one")
    await turn(services)
    assert await state(services) == ("done", ["done", "done"])


async def test_a_wait_ends_at_its_time(kernel):
    async def wait(ctx: Context, request: StepInput) -> StepDone:
        raise Wait(until=datetime(2020, 1, 1, tzinfo=UTC))

    services = await kernel(agent_of({"wait": wait}))
    await start(services)
    await turn(services)
    assert (await state(services))[0] == "waiting"
    assert await turn(services) == 1


async def die(services: Services) -> None:
    """Take the leases of this process away, as another one does once it no longer beats."""
    async with services.db.transaction() as transaction:
        await transaction.execute(
            "UPDATE masterlinc.workflow SET lease_owner = NULL, crashes = crashes + 1 WHERE lease_owner IS NOT NULL"
        )


async def test_work_that_a_dead_process_left_is_taken_over_and_its_effect_happens_once(kernel):
    services = await kernel(agent_of({"first": writes("first")}))
    await start(services)
    dead = await engine.claim(services, ["toy"], 10)  # a process claims, and dies
    await die(services)
    assert await turn(services) == 1
    await engine.advance(services, dead[0])  # it was only slow: its lease is lost
    assert await state(services) == ("done", ["done"])
    assert await effects(services) == ["toy.first"]


@pytest.mark.parametrize("outside", [frozenset(), frozenset({"poison"})])
async def test_a_step_that_kills_its_process_is_parked_in_the_end(kernel, outside):
    class PowerCut(BaseException):
        pass

    starts = []

    async def poison(ctx: Context, request: StepInput) -> StepDone:
        starts.append(request.key)
        raise PowerCut

    services = await kernel(agent_of({"fine": writes("fine"), "poison": poison}, outside=outside, max_attempts=3))
    await start(services)
    for _ in range(6):
        with suppress(PowerCut):
            await turn(services)
        await die(services)
    assert await state(services) == ("parked", ["done", "parked"])
    assert 3 <= len(starts) <= 4  # the first start is counted for the workflow, those after it for the step
    assert await effects(services) == ["toy.fine"]


async def test_an_outside_step_runs_with_no_transaction_open(kernel):
    seen: list[bool] = []

    async def send(ctx: Context, request: StepInput) -> StepDone:
        from masterlinc.db.engine import CURRENT

        seen.append(CURRENT.get() is None)
        return StepDone("sent")

    services = await kernel(agent_of({"first": writes("first"), "send": send}, outside=frozenset({"send"})))
    await start(services)
    await turn(services)
    assert await state(services) == ("done", ["done", "done"])
    assert seen == [True]


async def test_steps_hold_the_organization_scope_of_their_workflow(kernel):
    seen: list[frozenset[UUID]] = []

    async def look(ctx: Context, request: StepInput) -> StepDone:
        async with ctx.transaction() as transaction:
            assert isinstance(transaction, Transaction)
            seen.append(frozenset(await transaction.fetchval("SELECT masterlinc.orgs()")))
        return StepDone()

    services = await kernel(agent_of({"look": look}))
    await start(services)
    await turn(services)
    assert seen == [frozenset({ORGANIZATION})]


@pytest.mark.parametrize("count", [2, 5])
async def test_two_processes_never_run_the_same_workflow(kernel, count):
    services = await kernel(agent_of({"first": writes("first")}))
    for number in range(count):
        await start(services, f"key{number}")
    mine = await engine.claim(services, ["toy"], 10)
    theirs = await engine.claim(services, ["toy"], 10)
    assert (len(mine), len(theirs)) == (count, 0)
