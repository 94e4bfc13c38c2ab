"""Runs workflows: the start is counted and committed first, then a step's effect and its checkpoint commit together.

Local steps that follow one another run in one transaction with a savepoint each; what failed before is tried alone.
A step that talks to the outside runs with no transaction open and is idempotent by itself.
"""

import asyncio
import contextvars
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from masterlinc.agent import Park, Retry, StepInput, Task, Wait
from masterlinc.backoff import backoff
from masterlinc.context import Context, Services
from masterlinc.db.transaction import Transaction
from masterlinc.faults import in_short
from masterlinc.ids import new_id
from masterlinc.observe.logs import logger
from masterlinc.security.principal import service_principal

_CLAIM = """
UPDATE masterlinc.workflow w
SET lease_owner = $3, leased_until = now() + $4::interval, starts = w.starts + 1, status = 'running'
FROM (
    SELECT oldest.id FROM unnest($1::text[]) AS served (agent), LATERAL (
        SELECT id, wake_at FROM masterlinc.workflow
        WHERE status IN ('running', 'waiting') AND agent = served.agent AND wake_at <= now()
          AND (leased_until IS NULL OR leased_until < now())
        ORDER BY wake_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) oldest
    ORDER BY oldest.wake_at LIMIT $2
) due
WHERE w.id = due.id RETURNING w.id, w.name, w.business_key, w.organization_id, w.lease_owner
"""
_KEEP = (
    "UPDATE masterlinc.workflow SET leased_until = now() + $3::interval WHERE id = $1 AND lease_owner = $2 RETURNING 1"
)
_STEPS = """
SELECT position, name, task, outside, max_attempts, attempts FROM masterlinc.workflow_step
WHERE workflow_id = $1 AND status <> 'done' ORDER BY position
"""
_KEPT = (
    "WITH kept AS (UPDATE masterlinc.workflow SET leased_until = now() + $3::interval"
    " WHERE id = $1 AND lease_owner = $2 RETURNING id)"
)
_COUNT = f"""{_KEPT}
UPDATE masterlinc.workflow_step s
SET attempts = attempts + 1, status = 'running', started_at = coalesce(started_at, now())
FROM kept WHERE s.workflow_id = kept.id AND s.position = ANY($4::smallint[]) RETURNING 1
"""  # noqa: S608 - our own words
_DONE_OUTSIDE = f"""{_KEPT}
UPDATE masterlinc.workflow_step s SET status = 'done', finished_at = clock_timestamp(), note = $5, error = NULL
FROM kept WHERE s.workflow_id = kept.id AND s.position = $4 RETURNING 1
"""  # noqa: S608 - our own words
_DONE = """
UPDATE masterlinc.workflow_step SET status = 'done', finished_at = clock_timestamp(), note = $3, error = NULL
WHERE workflow_id = $1 AND position = $2
"""
_UNSTARTED = """
UPDATE masterlinc.workflow_step SET status = 'pending', attempts = attempts - 1
WHERE workflow_id = $1 AND position > $2 AND status = 'running'
"""
_FAILED = """
UPDATE masterlinc.workflow_step SET status = $3, error = $4, attempts = attempts - $5
WHERE workflow_id = $1 AND position = $2
"""
_RELEASE = """
UPDATE masterlinc.workflow SET status = $3, lease_owner = NULL, leased_until = NULL, error = $4,
    wake_at = CASE WHEN $3 = 'running' THEN now() + $5::interval ELSE coalesce($6::timestamptz, 'infinity') END,
    finished_at = CASE WHEN $3 = 'done' THEN now() END
WHERE id = $1 AND lease_owner = $2
"""


@dataclass(frozen=True)
class Lease:
    """A workflow that this process runs for now; `owner` is the fencing token."""

    id: UUID
    name: str
    key: str
    organization_id: UUID
    owner: UUID


@dataclass(frozen=True)
class StoredStep:
    """A step of the stored plan that is not done yet."""

    position: int
    name: str
    task: str
    outside: bool
    max_attempts: int
    attempts: int


class LostLease(Exception):
    """Another process has taken the workflow over."""


async def claim(services: Services, agents: list[str], limit: int) -> list[Lease]:
    """Take due workflows; the start is counted and committed before anything runs."""
    lease = timedelta(seconds=services.settings.engine.lease_seconds)
    async with services.db.connection() as connection:
        return [Lease(*row) for row in await connection.fetch(_CLAIM, agents, limit, new_id(), lease)]


async def advance(services: Services, lease: Lease) -> None:
    """Run a workflow until it is done, waits, has failed or is lost to another process."""
    try:
        steps = await _left(services, lease)
        while steps:
            if steps[0].attempts >= steps[0].max_attempts:
                await _park(services, lease, steps[0], f"started {steps[0].attempts} times and never finished")
                return
            batch = steps[:1] if steps[0].outside else _together(steps)
            await (_run_outside if steps[0].outside else _run_local)(services, lease, batch)
            steps = steps[len(batch) :]
        await _release(services, lease, "done")
    except LostLease:
        return
    except _Stopped:
        return


class _Stopped(Exception):
    pass


def _together(steps: list[StoredStep]) -> list[StoredStep]:
    """Return the local steps that may share a transaction: one that was started before runs alone."""
    if steps[0].attempts:
        return steps[:1]
    batch = []
    for step in steps:
        if step.outside or step.attempts:
            break
        batch.append(step)
    return batch


async def _left(services: Services, lease: Lease) -> list[StoredStep]:
    async with services.db.connection() as connection:
        return [StoredStep(*row) for row in await connection.fetch(_STEPS, lease.id)]


async def _count(services: Services, lease: Lease, steps: list[StoredStep]) -> None:
    await _fenced(services, lease, _COUNT, [step.position for step in steps])


async def _fenced(services: Services, lease: Lease, query: str, *arguments: object) -> None:
    """Run one statement that keeps the lease and commits with it, or find out that the workflow is another's now."""
    length = timedelta(seconds=services.settings.engine.lease_seconds)
    async with services.db.connection() as connection:
        if await connection.fetchval(query, lease.id, lease.owner, length, *arguments) is None:
            raise LostLease


async def _fence(services: Services, transaction: Transaction, lease: Lease) -> None:
    """Hold the workflow's row, or find out that it is another's now."""
    length = timedelta(seconds=services.settings.engine.lease_seconds)
    if await transaction.fetchval(_KEEP, lease.id, lease.owner, length) is None:
        raise LostLease


async def _run_local(services: Services, lease: Lease, steps: list[StoredStep]) -> None:
    await _count(services, lease, steps)
    failed: tuple[StoredStep, Exception] | None = None
    try:
        async with services.db.transaction(frozenset({lease.organization_id})) as transaction:
            await _fence(services, transaction, lease)
            for step in steps:
                try:
                    context, task = _prepare(services, lease, step)
                    async with context.transaction():
                        answer = await task.run(context, StepInput(lease.key, lease.organization_id))
                        await transaction.execute(_DONE, lease.id, step.position, getattr(answer, "note", "") or None)
                except LostLease:
                    raise
                except Exception as fault:  # noqa: BLE001 - a step may raise anything
                    failed = (step, fault)
                    break
            if failed:
                await transaction.execute(_UNSTARTED, lease.id, failed[0].position)
    except LostLease:
        raise
    except Exception as fault:  # noqa: BLE001 - a step may raise anything
        failed = (steps[0], fault)
    if failed:
        await _stop(services, lease, *failed)


async def _run_outside(services: Services, lease: Lease, steps: list[StoredStep]) -> None:
    step = steps[0]
    await _count(services, lease, steps)
    keeper = asyncio.create_task(_keep_lease(services, lease), context=contextvars.Context())
    try:
        context, task = _prepare(services, lease, step)
        answer = await task.run(context, StepInput(lease.key, lease.organization_id))
    except Exception as fault:  # noqa: BLE001 - a step may raise anything
        await _stop(services, lease, step, fault)
        return
    finally:
        keeper.cancel()
    await _fenced(services, lease, _DONE_OUTSIDE, step.position, getattr(answer, "note", "") or None)


async def _keep_lease(services: Services, lease: Lease) -> None:
    length = services.settings.engine.lease_seconds
    while True:
        await asyncio.sleep(length / 3)
        try:
            async with services.db.connection() as connection:
                await connection.execute(_KEEP, lease.id, lease.owner, timedelta(seconds=length))
        except Exception as fault:  # noqa: BLE001 - a lost connection, a busy pool: there is time for one more try
            logger.fault("lease_not_kept", fault, workflow=lease.id.hex)


def _prepare(services: Services, lease: Lease, step: StoredStep) -> tuple[Context, Task]:
    found = services.registry.tasks.get(step.task)
    if found is None:
        raise Retry(f"task {step.task} belongs to no enabled agent", timedelta(minutes=1))
    agent, task = found
    principal = service_principal(agent, frozenset({lease.organization_id}))
    return Context(agent, services, principal, trace_id=lease.id.hex), task


async def _stop(services: Services, lease: Lease, step: StoredStep, fault: Exception) -> None:
    """Record why a step did not finish, and when it is tried again, if it is."""
    started = step.attempts + 1
    if isinstance(fault, Wait):
        await _record(services, lease, step, "pending", None, uncount=True)
        await _release(services, lease, "waiting", until=fault.until)
    elif isinstance(fault, Retry):
        await _record(services, lease, step, "pending", in_short(fault), uncount=True)
        await _release(services, lease, "running", error=in_short(fault), again=fault.after)
    elif isinstance(fault, Park) or started >= step.max_attempts:
        await _park(services, lease, step, in_short(fault))
    else:
        await _record(services, lease, step, "pending", in_short(fault))
        await _release(services, lease, "running", error=in_short(fault), again=backoff(started))
    raise _Stopped


async def _park(services: Services, lease: Lease, step: StoredStep, reason: str) -> None:
    await _record(services, lease, step, "parked", reason)
    await _release(services, lease, "parked", error=f"{step.name}: {reason}")


async def _record(
    services: Services, lease: Lease, step: StoredStep, status: str, error: str | None, *, uncount: bool = False
) -> None:
    """Write how a step ended; a wait or a passing fault outside is no failed attempt and is not counted as one."""
    async with services.db.transaction() as transaction:
        await _fence(services, transaction, lease)
        await transaction.execute(_FAILED, lease.id, step.position, status, error, int(uncount))


async def _release(
    services: Services,
    lease: Lease,
    status: str,
    *,
    error: str | None = None,
    again: timedelta = timedelta(0),
    until: object = None,
) -> None:
    async with services.db.connection() as connection:
        await connection.execute(_RELEASE, lease.id, lease.owner, status, error, again, until)
