"""Two-step workflows in DBOS (`dbos` from PyPI): one process, as its documentation has it.

Read from standard input: where the database is and what to measure. Its notifications, recovery and queue threads run
as always; conductor and telemetry are off, as they are unless somebody configures them. `form` is `async` (workflows
and steps are coroutines) or `threads` (they are plain functions, started by as many threads as there are callers).
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import sqlalchemy
import uvloop
from dbos import DBOS, AsyncSQLAlchemyDatasource, DBOSConfig, SQLAlchemyDatasource

from benchmarks.callers import Plan, call
from benchmarks.figures import Meter

QUEUE = "backlog"
_TABLE = sqlalchemy.text("CREATE TABLE effect (key text, step int, PRIMARY KEY (key, step))")
_ROW = sqlalchemy.text("INSERT INTO effect (key, step) VALUES (:key, :step)")
_LEFT = "SELECT EXISTS (SELECT FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING'))"
_SPAN = "SELECT min(started_at_epoch_ms), max(completed_at) FROM dbos.workflow_status WHERE queue_name = 'backlog'"
_DONE = (
    "SELECT (SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'),"
    " (SELECT count(*) FROM dbos.operation_outputs)"
)


async def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    config: DBOSConfig = {
        "name": "two-steps",
        "system_database_url": plan.superuser,
        "sys_db_pool_size": plan.tuning["pool"],
        "max_executor_threads": plan.tuning["threads"],
        "db_engine_kwargs": {"pool_pre_ping": plan.tuning["pre_ping"]},
        "log_level": "ERROR",
    }
    DBOS(config=config)
    workflow = await _workflow(plan)
    DBOS.launch()
    try:
        measured = await (_backlog(plan, workflow) if plan.backlog else _called(plan, workflow))
        print(json.dumps({"version": version("dbos")} | measured | _proof(plan)))
    finally:
        DBOS.destroy()


async def _workflow(plan: Plan) -> Any:
    if plan.tuning["form"] == "async":
        return _async_trivial() if plan.steps == "trivial" else await _async_rows(plan)
    return _trivial() if plan.steps == "trivial" else _rows(plan)


def _async_trivial() -> Any:
    @DBOS.step()
    async def echo(message: str) -> str:
        return message

    @DBOS.workflow()
    async def two_steps(message: str) -> str:
        return await echo(await echo(message))

    return two_steps


def _trivial() -> Any:
    @DBOS.step()
    def echo(message: str) -> str:
        return message

    @DBOS.workflow()
    def two_steps(message: str) -> str:
        return echo(echo(message))

    return two_steps


async def _async_rows(plan: Plan) -> Any:
    """Steps that write a row each, exactly once: DBOS's datasource commits the row and the step's record together."""
    rows = await AsyncSQLAlchemyDatasource.create(plan.superuser, engine_kwargs=_datasource_pool(plan))
    async with rows.engine.begin() as connection:
        await connection.execute(_TABLE)

    @rows.transaction(isolation_level="READ COMMITTED")
    async def write(key: str, step: int) -> int:
        await rows.sql_session().execute(_ROW, {"key": key, "step": step})
        return step

    @DBOS.workflow()
    async def two_steps(key: str) -> int:
        return await write(key, 1) + await write(key, 2)

    return two_steps


def _rows(plan: Plan) -> Any:
    rows = SQLAlchemyDatasource.create(plan.superuser, engine_kwargs=_datasource_pool(plan))
    with rows.engine.begin() as connection:
        connection.execute(_TABLE)

    @rows.transaction(isolation_level="READ COMMITTED")
    def write(key: str, step: int) -> int:
        rows.sql_session().execute(_ROW, {"key": key, "step": step})
        return step

    @DBOS.workflow()
    def two_steps(key: str) -> int:
        return write(key, 1) + write(key, 2)

    return two_steps


def _datasource_pool(plan: Plan) -> dict[str, Any]:
    return {"pool_size": plan.tuning["datasource_pool"], "max_overflow": 0, "pool_pre_ping": plan.tuning["pre_ping"]}


async def _called(plan: Plan, workflow: Any) -> dict[str, Any]:
    threads = ThreadPoolExecutor(plan.callers)
    loop = asyncio.get_running_loop()

    async def start(key: str) -> None:
        handle = await DBOS.start_workflow_async(workflow, key)
        await handle.get_result()

    async def start_in_thread(key: str) -> None:
        await loop.run_in_executor(threads, lambda: DBOS.start_workflow(workflow, key).get_result())

    return await call(plan, start if plan.tuning["form"] == "async" else start_in_thread)


async def _backlog(plan: Plan, workflow: Any) -> dict[str, Any]:
    """Enqueue first, then let the queue's worker loose on it, and wait until nothing is left."""
    gate = asyncio.Semaphore(64)

    async def enqueue(key: str) -> None:
        async with gate:
            await DBOS.enqueue_workflow_async(QUEUE, workflow, key)

    await asyncio.gather(*(enqueue(f"backlog {number}") for number in range(plan.backlog)))
    engine = sqlalchemy.create_engine(_address(plan))
    meter = Meter(plan.postgres)
    await DBOS.register_queue_async(
        QUEUE, worker_concurrency=plan.tuning["worker_concurrency"], polling_interval_sec=plan.tuning["poll_seconds"]
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.execute(sqlalchemy.text(_LEFT)).scalar():  # noqa: ASYNC110 - it ends in PostgreSQL, not here
            await asyncio.sleep(0.1)
        cost = meter.read(plan.backlog)
        first, last = connection.execute(sqlalchemy.text(_SPAN)).one()
    engine.dispose()
    seconds = (last - first) / 1000
    rate = {"workflows": plan.backlog, "steps_per_second": round(2 * plan.backlog / seconds)}
    return rate | cost | {"seconds": round(seconds, 2)}


def _proof(plan: Plan) -> dict[str, Any]:
    """Count what is in the database: workflows that are done, steps that are recorded, rows that were written."""
    engine = sqlalchemy.create_engine(_address(plan))
    with engine.connect() as connection:
        done, steps = connection.execute(sqlalchemy.text(_DONE)).one()
        rows = connection.execute(sqlalchemy.text("SELECT count(*) FROM effect")).scalar() if plan.steps == "row" else 0
    engine.dispose()
    return {"recorded_workflows": done, "recorded_steps": steps, "rows": rows}


def _address(plan: Plan) -> str:
    return plan.superuser.replace("postgresql:", "postgresql+psycopg:")


if __name__ == "__main__":
    uvloop.run(main())
