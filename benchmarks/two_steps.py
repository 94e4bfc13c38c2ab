"""Two-step workflows in MASTERLINC: one process, its own pool, engine and journal, as `masterlinc serve` runs them.

Read from standard input: where the database is and what to measure. Steps are `trivial` (their answer is what they
were given, and no transaction is open), `row` (each writes a row in the transaction of its checkpoint), or `graph` (as
a user sends it: what steps are given and what they answer is sealed and stored, the second takes the first one's
answer).
"""

import asyncio
import json
import sys
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from msgspec import Struct

from benchmarks.callers import Plan, call
from benchmarks.figures import Meter
from benchmarks.ours import ORGANIZATION, settings_of
from masterlinc import __version__, runtime
from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Workflow
from masterlinc.context import Context, Services
from masterlinc.db.ddl import schema, tenant_table_policy
from masterlinc.plans import plan as plans
from masterlinc.plans.starting import Start, start
from masterlinc.registry import Registry, assemble
from masterlinc.security.principal import service_principal

_TABLE = f"""
{schema("bench")}
CREATE TABLE bench.effect (organization_id uuid, key text, step smallint, PRIMARY KEY (organization_id, key, step));
{tenant_table_policy("bench.effect")}
"""
_LEFT = "SELECT EXISTS (SELECT FROM masterlinc.workflow WHERE status <> 'done')"
_SPAN = (
    "SELECT extract(epoch FROM (SELECT max(finished_at) FROM masterlinc.workflow)"
    " - (SELECT min(started_at) FROM masterlinc.workflow_step))::float8"
)
_DONE = (
    "SELECT (SELECT count(*) FROM masterlinc.workflow WHERE status = 'done') AS workflows,"
    " (SELECT count(*) FROM masterlinc.workflow_step WHERE status = 'done') AS steps,"
    " (SELECT count(*) FROM bench.effect) AS rows"
)


class Echo(Struct, frozen=True):
    """What `bench.echo` is given and answers."""

    message: str


async def echo(_: Context, request: Echo) -> Echo:
    return request


async def answer(_: Context, request: StepInput) -> StepDone:
    return StepDone(request.key)


def writes(step: int) -> Any:
    """Return a task that writes a row, exactly once: it commits with the step's checkpoint."""

    async def write(ctx: Context, request: StepInput) -> StepDone:
        async with ctx.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO bench.effect VALUES ($1, $2, $3)", request.organization_id, request.key, step
            )
        return StepDone(request.key)

    return Task(StepInput, StepDone, write, "Write", "كتابة", name=f"write_{step}", joins_transaction=True)


AGENT = Agent(
    "bench",
    "Benchmark",
    "قياس",
    "1",
    ">=0.1",
    tasks=(
        Task(Echo, Echo, echo, "Echo", "صدى"),
        Task(StepInput, StepDone, answer, "Answer", "جواب", name="answer"),
        writes(1),
        writes(2),
    ),
    workflows=(
        Workflow("trivial", 1, (Step("first", "bench.answer"), Step("second", "bench.answer"))),
        Workflow("row", 1, (Step("first", "bench.write_1"), Step("second", "bench.write_2"))),
    ),
)
GRAPH = plans.Plan(
    "bench.graph",
    1,
    "bench",
    (
        plans.PlanStep("first", "bench.echo", agent="bench", outside=True, input={"message": "${context.message}"}),
        plans.PlanStep(
            "second",
            "bench.echo",
            agent="bench",
            outside=True,
            depends_on=(1,),
            input={"message": "${first.message}"},
        ),
    ),
)


async def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    owner = await asyncpg.connect(plan.owner)
    try:
        await owner.execute(_TABLE)
    finally:
        await owner.close()
    settings = settings_of(plan)
    registry = assemble(settings, [AGENT])
    measured = await (_backlog(plan, settings, registry) if plan.backlog else _called(plan, settings, registry))
    print(json.dumps({"version": __version__} | measured | await _proof(plan)))


async def _called(plan: Plan, settings: Any, registry: Registry) -> dict[str, Any]:
    services = runtime.build(settings, registry)
    async with runtime.run(services):
        runtime.settle()

        async def once(key: str) -> None:
            started = await start_one(services, plan, key)
            await services.finished.wait(started, 60)

        return await call(plan, once)


async def _backlog(plan: Plan, settings: Any, registry: Registry) -> dict[str, Any]:
    """Start first, with nobody to serve, then let a process loose on it, and wait until nothing is left."""
    gate = asyncio.Semaphore(settings.database.pool_size)
    async with runtime.opened(settings, registry) as idle:

        async def one(key: str) -> None:
            async with gate:
                await start_one(idle, plan, key)

        await asyncio.gather(*(one(f"backlog {number}") for number in range(plan.backlog)))
    services = runtime.build(settings, registry)
    meter = Meter(plan.postgres)
    async with runtime.run(services), services.db.connection() as connection:
        while await connection.fetchval(_LEFT):  # noqa: ASYNC110 - it ends in PostgreSQL, not here
            await asyncio.sleep(0.1)
        cost = meter.read(plan.backlog)
        seconds = await connection.fetchval(_SPAN)
    rate = {"workflows": plan.backlog, "steps_per_second": round(2 * plan.backlog / seconds)}
    return rate | cost | {"seconds": round(seconds, 2)}


async def start_one(services: Services, plan: Plan, key: str) -> UUID:
    """Start one workflow in a transaction of its own, as a request does."""
    context = Context("bench", services, service_principal("bench", frozenset({ORGANIZATION})))
    graph = plan.steps == "graph"
    chosen = GRAPH if graph else services.registry.plans[f"bench.{plan.steps}"]
    how = Start(key, ORGANIZATION, context={"message": key} if graph else None)
    async with context.transaction() as transaction:
        started = await start(services, transaction, chosen, how)
    if started is None:
        raise RuntimeError(f"{key} was started before")
    return started


async def _proof(plan: Plan) -> dict[str, Any]:
    """Count what is in the database: workflows that are done, steps that are recorded, rows that were written."""
    connection = await asyncpg.connect(plan.superuser)
    try:
        found = await connection.fetchrow(_DONE)
    finally:
        await connection.close()
    return {"recorded_workflows": found["workflows"], "recorded_steps": found["steps"], "rows": found["rows"]}


if __name__ == "__main__":
    uvloop.run(main())
