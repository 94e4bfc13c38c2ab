"""A toy agent for the engine's tests: tasks that leave an audit row, so that what happened can be counted."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Workflow
from masterlinc.context import Context, Services
from masterlinc.ids import new_id
from masterlinc.plans import starting
from masterlinc.plans.actor import Actor
from masterlinc.plans.plan import Plan
from masterlinc.testing import DatabaseUrls
from masterlinc.workflow import engine

ORGANIZATION = new_id()
SCOPE = frozenset({ORGANIZATION})
Run = Callable[[Context, Any], Awaitable[Any]]


def writes(name: str) -> Run:
    """A task with an effect that can be counted."""

    async def run(ctx: Context, request: StepInput) -> StepDone:
        async with ctx.transaction() as transaction:
            transaction.audit(f"toy.{name}", "toy", request.key, organization_id=request.organization_id)
        return StepDone(name)

    return run


def toy(
    *steps: Step,
    tasks: Mapping[str, Run] | None = None,
    away: frozenset[str] = frozenset(),
    name: str = "toy",
    others: tuple[Workflow, ...] = (),
    **workflow: Any,
) -> Agent:
    """An agent with one workflow, `work`; a task that is not given leaves its name as an audit row."""
    prefix = f"{name}."
    used = {one for step in steps for one in (step.task, step.undo) if one.startswith(prefix)}
    runs = {one.removeprefix(prefix): writes(one.removeprefix(prefix)) for one in used} | dict(tasks or {})
    made = tuple(
        Task(StepInput, StepDone, run, label, label, name=label, joins_transaction=label not in away)
        for label, run in runs.items()
    )
    workflows = (Workflow("work", workflow.pop("version", 1), steps, **workflow), *others) if steps else others
    return Agent(name, name, "لعبة", "1", ">=0.1", tasks=made, workflows=workflows)


def does(name: str, *after: str, task: str = "", **more: Any) -> Step:
    """A step that runs the task of its name, after these steps."""
    return Step(name, f"toy.{task or name}", after=after, **more)


async def start(services: Services, key: str = "one", name: str = "toy.work", **how: Any) -> UUID | None:
    """Start a workflow of the registry."""
    return await start_plan(services, services.registry.plans[name], key, **how)


async def start_plan(services: Services, plan: Plan, key: str = "one", **how: Any) -> UUID | None:
    """Start any plan."""
    async with services.db.transaction(SCOPE) as transaction:
        return await starting.start(services, transaction, plan, starting.Start(key, ORGANIZATION, **how))


def user(*permissions: str, organizations: tuple[UUID, ...] = (ORGANIZATION,)) -> Actor:
    """Someone who starts a graph."""
    return Actor(new_id(), "user", ORGANIZATION, organizations, permissions)


async def turn(services: Services) -> int:
    """Run what is due."""
    runs = await engine.claim(services, sorted(services.served), 20)
    for run in runs:
        await engine.advance(services, run)
    return len(runs)


async def settle(services: Services, turns: int = 50) -> None:
    """Run what is due until nothing is; fails when it never ends."""
    for _ in range(turns):
        if not await turn(services):
            return
    raise AssertionError("there is always something due")


async def execute(services: Services, statement: str, *arguments: Any) -> None:
    """Change rows as nothing but a test does."""
    async with services.db.transaction(SCOPE) as transaction:
        await transaction.execute(statement, *arguments)


async def fetch(services: Services, query: str, *arguments: Any) -> list[Any]:
    """Read rows."""
    async with services.db.transaction(SCOPE) as transaction:
        return await transaction.fetch(query, *arguments)


async def due_now(services: Services) -> None:
    """Let every wait and every back-off be over."""
    await execute(services, "UPDATE masterlinc.workflow_step SET wake_at = now() WHERE wake_at IS NOT NULL")
    await execute(
        services,
        "UPDATE masterlinc.workflow SET wake_at = now()"
        " WHERE status IN ('running', 'waiting', 'undoing') AND lease_owner IS NULL AND wake_at < 'infinity'",
    )


async def take_away(services: Services) -> None:
    """Take the leases away, as another process does with those of one that no longer beats."""
    await execute(
        services,
        "UPDATE masterlinc.workflow SET lease_owner = NULL, crashes = crashes + 1, wake_at = least(wake_at, now())"
        " WHERE lease_owner IS NOT NULL",
    )


async def status(services: Services, workflow: UUID) -> str:
    """Return what a workflow's row says."""
    rows = await fetch(services, "SELECT status FROM masterlinc.workflow WHERE id = $1", workflow)
    return str(rows[0]["status"])


async def steps(services: Services, workflow: UUID) -> dict[str, str]:
    """Return the state of each step by its name."""
    rows = await fetch(
        services,
        "SELECT name, status FROM masterlinc.workflow_step WHERE workflow_id = $1 ORDER BY position",
        workflow,
    )
    return {row["name"]: row["status"] for row in rows}


async def step(services: Services, workflow: UUID, name: str) -> Any:
    """Return a step's row."""
    query = "SELECT * FROM masterlinc.workflow_step WHERE workflow_id = $1 AND name = $2"
    return (await fetch(services, query, workflow, name))[0]


async def flow(services: Services, workflow: UUID) -> Any:
    """Return a workflow's row."""
    return (await fetch(services, "SELECT * FROM masterlinc.workflow WHERE id = $1", workflow))[0]


async def effects(services: Services) -> list[str]:
    """Return what happened, in order."""
    rows = await fetch(services, "SELECT action FROM masterlinc.audit_event WHERE action LIKE 'toy.%' ORDER BY id")
    return [row["action"].removeprefix("toy.") for row in rows]


async def with_late_constraint(urls: DatabaseUrls) -> DatabaseUrls:
    """Make a table whose constraint is looked at when a transaction commits."""
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("CREATE TABLE public.late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await connection.execute("GRANT USAGE ON SCHEMA public TO masterlinc_app")
        await connection.execute("GRANT INSERT ON public.late TO masterlinc_app")
    finally:
        await connection.close()
    return urls


def fails_to_commit(faults: list[int], name: str) -> Run:
    """A task whose commit fails as often as there are faults."""

    async def run(ctx: Context, request: StepInput) -> StepDone:
        if faults:
            faults.pop()
            async with ctx.transaction() as transaction:
                await transaction.execute("INSERT INTO public.late VALUES (1), (1)")
        return await writes(name)(ctx, request)  # type: ignore[no-any-return]

    return run
