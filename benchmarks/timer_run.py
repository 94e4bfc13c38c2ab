"""One act over a database of timers, in a process of its own: `fill` it, `load` the engine, let some come `due`."""

import asyncio
import json
import os
import sys
import time
from typing import Any

import asyncpg
import uvloop

from benchmarks import processes
from benchmarks.callers import Plan, call
from benchmarks.figures import Meter, times
from benchmarks.ours import ORGANIZATION, settings_of
from benchmarks.two_steps import AGENT, start_one
from masterlinc import runtime
from masterlinc.context import Context, Services
from masterlinc.ids import new_id
from masterlinc.plans.plan import Plan as WorkflowPlan
from masterlinc.plans.plan import PlanStep
from masterlinc.plans.starting import Start, start
from masterlinc.registry import assemble
from masterlinc.security.principal import service_principal

DAY = 86_400.0
SLEEPER = WorkflowPlan(
    "bench.sleeper",
    1,
    "bench",
    (
        PlanStep("sleep", kind="timer", agent="bench", timeout_seconds=DAY),
        PlanStep("answer", task="bench.answer", agent="bench", outside=True, depends_on=(1,)),
    ),
)
_COPIES = """
CREATE TEMP TABLE copy AS
    SELECT uuidv7() AS id, number, now() + interval '1 day' + number * interval '1 millisecond' AS at
    FROM generate_series(1, $1::int) AS number
"""
_WORKFLOWS = """
INSERT INTO masterlinc.workflow SELECT made.* FROM copy, masterlinc.workflow w, LATERAL jsonb_populate_record(w,
    jsonb_build_object('id', copy.id, 'business_key', 'timer ' || copy.number, 'wake_at', copy.at)) AS made
WHERE w.name = 'bench.sleeper'
"""
_STEPS = """
INSERT INTO masterlinc.workflow_step SELECT made.* FROM copy, masterlinc.workflow_step s, LATERAL jsonb_populate_record(
    s, jsonb_build_object('workflow_id', copy.id) || CASE WHEN s.kind = 'timer' THEN jsonb_build_object(
        'wake_at', copy.at, 'started_at', copy.at - make_interval(secs => s.timeout_seconds)) ELSE '{}' END) AS made
"""
_DUE = """
WITH chosen AS (SELECT id FROM masterlinc.workflow WHERE status = 'waiting' ORDER BY id LIMIT $1),
    moment AS (SELECT now() + interval '2 seconds' AS at),
    steps AS (UPDATE masterlinc.workflow_step s SET wake_at = moment.at,
            started_at = moment.at - make_interval(secs => s.timeout_seconds)
        FROM chosen, moment WHERE s.workflow_id = chosen.id AND s.kind = 'timer')
UPDATE masterlinc.workflow w SET wake_at = moment.at FROM chosen, moment WHERE w.id = chosen.id
"""
_STATUS = "SELECT status FROM masterlinc.workflow"
_RUNG = "SELECT count(*) FROM masterlinc.workflow WHERE name = $1 AND status = 'done'"
_LATE = """
SELECT extract(epoch FROM s.finished_at - s.started_at)::float8 - s.timeout_seconds FROM masterlinc.workflow w
JOIN masterlinc.workflow_step s ON s.workflow_id = w.id AND s.kind = 'timer' WHERE w.status = 'done'
"""


async def main() -> None:
    asked = json.load(sys.stdin)
    act, timers = asked.pop("act"), asked.pop("timers", 0)
    plan = Plan(**asked, steps="trivial")
    services = runtime.build(settings := settings_of(plan), assemble(settings, [AGENT]))
    if act == "fill":
        found = await _fill(services, plan, timers)
    else:
        async with runtime.run(services):
            runtime.settle()
            found = await (_loaded(services, plan) if act == "load" else _due(plan, timers))
    print(json.dumps(found))


async def _fill(services: Services, plan: Plan, timers: int) -> dict[str, Any]:
    async with runtime.run(services):
        context = Context("bench", services, service_principal("bench", frozenset({ORGANIZATION})))
        async with context.transaction() as transaction:
            await start(services, transaction, SLEEPER, Start("the first", ORGANIZATION))
        connection = await asyncpg.connect(plan.superuser)
        while await connection.fetchval(_STATUS) != "waiting":  # noqa: ASYNC110 - it changes in PostgreSQL
            await asyncio.sleep(0.05)
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(_COPIES.replace("$1", str(timers - 1)))
    for statement in (_WORKFLOWS, _STEPS):
        await connection.execute(statement, timeout=1800)
    await connection.execute("VACUUM (ANALYZE) masterlinc.workflow, masterlinc.workflow_step")
    await connection.execute("CHECKPOINT")
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    count = await connection.fetchval("SELECT count(*) FROM masterlinc.workflow WHERE status = 'waiting'")
    await connection.close()
    return {"waiting": count, "database_mb": round(size / 2**20)}


async def _loaded(services: Services, plan: Plan) -> dict[str, Any]:
    await asyncio.sleep(2)  # some polls, and a beat
    own, salt = _resident(), new_id().hex

    async def once(key: str) -> None:
        started = await start_one(services, plan, f"{key} {salt}")
        await services.finished.wait(started, 60)

    result = await call(plan, once)
    return {"idle_mb": own, "loaded_mb": _resident(), "claim_ms": await _claim_ms(services)} | result


async def _claim_ms(services: Services) -> float:
    """How long it takes to find out that nothing is due."""
    taken = []
    async with services.db.connection() as connection:
        for _ in range(200):
            begin = time.perf_counter()
            await connection.fetch(
                "SELECT * FROM masterlinc.claim_workflows($1, $2, 16)", services.process_id, ["bench"]
            )
            taken.append(time.perf_counter() - begin)
    return times(taken)["p50_ms"]


async def _due(plan: Plan, timers: int) -> dict[str, Any]:
    connection = await asyncpg.connect(plan.superuser)
    await connection.execute(_DUE, timers)
    meter = Meter(plan.postgres)
    while await connection.fetchval(_RUNG, SLEEPER.name) < timers:  # noqa: ASYNC110 - it changes in PostgreSQL
        await asyncio.sleep(0.25)
    cost = meter.read(timers)
    late = [row[0] for row in await connection.fetch(_LATE)]
    await connection.close()
    return {"timers": timers, "late": times(late), "loaded_mb": _resident()} | cost


def _resident() -> int:
    return round(processes.cost(os.getpid()).app_megabytes)


if __name__ == "__main__":
    uvloop.run(main())
