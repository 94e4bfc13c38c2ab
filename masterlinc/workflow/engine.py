"""Runs workflows. A process leases a workflow whole and commits that before anything runs, so that every start shows.

Steps that join a transaction run with their checkpoint in one, a savepoint each; those that do not are idempotent by
their key, run side by side, and their checkpoints are committed together with those of other workflows. What a process
that died left behind is gone on with by another: each step alone then, and counted before it runs.
"""

import asyncio
import copy
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from masterlinc.context import Services
from masterlinc.db.background import PLACES, background
from masterlinc.db.transaction import Transaction
from masterlinc.observe.logs import logger
from masterlinc.workflow import calling, children
from masterlinc.workflow import run as rules
from masterlinc.workflow.journal import LostLease
from masterlinc.workflow.queries import CLAIM, run_of, write_of
from masterlinc.workflow.run import ENDED, Rest, Run, StepRow

# What a transaction's steps change of a run besides the steps themselves.
_CHANGING = (
    *("status", "stopping", "error", "crashes", "outputs", "begun", "marked", "rested", "changed", "fresh", "taken"),
    *("notes", "children", "signals"),
)
_SECOND = timedelta(seconds=1)
_NEVER_FINISHED = "started {} times and never finished"


@dataclass(frozen=True)
class _End:
    """How a step came to its end beside others, and when."""

    position: int
    result: calling.Answer | Exception | None
    moment: float


async def claim(services: Services, agents: list[str], limit: int) -> list[Run]:
    """Lease due workflows; the start is counted and committed before anything runs."""
    async with services.db.connection() as connection:
        return [run_of(row) for row in await connection.fetch(CLAIM, services.process_id, agents, limit)]


async def advance(services: Services, run: Run) -> None:
    """Run a workflow until it is done, waits, has failed, belongs to other processes or is lost to one."""
    begun: dict[asyncio.Task[_End], StepRow] = {}
    if run.stopping:  # what ran when a process died in the middle of stopping
        rules.stop(run, run.stopping)
    try:
        while not await _careful_turn(services, run, begun):
            pass
    except LostLease:
        logger.info("lease lost", workflow=run.id.hex)
    finally:
        for task in begun:
            task.cancel()


async def _careful_turn(services: Services, run: Run, begun: dict["asyncio.Task[_End]", StepRow]) -> bool:
    """Take a turn: alone, where a process may have died of this workflow."""
    if not run.careful:
        return await _turn(services, run, begun)
    async with services.suspects.alone():
        return await _turn(services, run, begun)


async def _turn(services: Services, run: Run, begun: dict["asyncio.Task[_End]", StepRow]) -> bool:
    """Begin what can begin and take what has ended; True once the workflow is left."""
    _stop_if_late(run)
    ready = rules.todo(run, services.served)
    if run.careful and ready:
        await _count(services, run, ready[0])
        ready = rules.todo(run, services.served) if ready[0].status == "parked" else ready
    local = [step for step in ready if _is_local(services, run, step)]
    away = [step for step in ready if step not in local]
    if local:
        return await _run_local(services, run, local[0])
    if len(away) == 1 and not begun and rules.next_due(run) is None:
        rules.begin(run, away[0])
        _take(services, run, await _run_away(services, run, away[0]))
    elif away or begun:
        for step in away:
            rules.begin(run, step)
            begun[asyncio.create_task(_run_away(services, run, step), context=background(PLACES.get()))] = step
        ended = await _ended(run, begun)
        for end in sorted((task.result() for task in ended), key=_moment):  # the last is the first to be taken back
            _take(services, run, end)
        for task in ended:
            del begun[task]
    return await _write(services, run)


async def _ended(run: Run, begun: dict["asyncio.Task[_End]", StepRow]) -> "set[asyncio.Task[_End]]":
    """Wait for a step to end, or until another one is due."""
    due = rules.next_due(run)
    longest = None if due is None else max(0.0, (due - run.now()) / _SECOND)
    return (await asyncio.wait(begun, timeout=longest, return_when=asyncio.FIRST_COMPLETED))[0]


def _stop_if_late(run: Run) -> bool:
    if not rules.late(run):
        return False
    run.told("timed_out", None, None)
    run.error = "timed out"
    rules.stop(run, "failed")
    return True


async def _write(services: Services, run: Run) -> bool:
    """Make durable what has changed; with it, where nothing is left to do here, how the workflow is left."""
    left = rules.rest(run, services.served)
    if (left is None or left.status not in ENDED) and _stop_if_late(run):
        left = rules.rest(run, services.served)
    if children.left_behind(run):
        async with services.db.transaction(frozenset({run.organization_id})) as transaction:
            await children.stop(services, run, transaction)
    if left is None and not run.changed:
        return False
    await services.journal.write(write_of(run, left))
    return _left(services, run, left)


def _left(services: Services, run: Run, left: Rest | None) -> bool:
    if left is None:
        return False
    if left.status in ENDED:
        services.finished.tell(run.id)
    if (left.status in ENDED and run.parent_id is not None) or left.status in {"running", "undoing"}:
        services.after_commit()  # another process, or this one's next look, goes on with it
    return True


async def _count(services: Services, run: Run, step: StepRow) -> None:
    """Count a start before it happens, since the last one ended with its process; too many of them are poison."""
    starts = step.undo_attempts if step.status == "done" else step.attempts
    if starts >= step.max_attempts:
        rules.broken(run, step, _NEVER_FINISHED.format(starts), park=True)
        return
    rules.mark(run, step)
    await services.journal.write(write_of(run, None))


def _is_local(services: Services, run: Run, step: StepRow) -> bool:
    if step.status == "done":
        undo = services.registry.task(step.undo)
        return undo is not None and undo.joins_transaction
    if step.kind == "workflow":
        return step.status != "waiting" and step.position not in run.children
    return step.kind == "task" and not step.outside


# Steps that run in a transaction with their checkpoint.


async def _run_local(services: Services, run: Run, first: StepRow) -> bool:
    kept, written = _Kept.of(run), False
    try:
        async with asyncio.timeout(None) as limit:
            async with services.db.transaction(calling.scope(run), actor=calling.actor(services, run)) as transaction:
                left = await _run_together(services, run, transaction, first, limit)
                written = True
    except LostLease:
        raise
    except Exception as fault:
        if written and not _refused(fault):
            raise  # nobody knows whether it was committed: whoever takes the workflow over reads it
        several = sum(now.status != before.status for now, before in zip(run.steps, kept.steps, strict=True)) > 1
        kept.put_back(run)
        step = run.step(first.position)
        if several and not run.alone:
            run.alone = True  # each gets a transaction of its own, so that the one at fault shows
            return False
        calling.failed(services, run, step, fault)
        return await _write(services, run)
    return _left(services, run, left)


def _refused(fault: Exception) -> bool:
    """Say whether PostgreSQL itself answered that a commit did not happen."""
    return isinstance(fault, asyncpg.PostgresError) and not isinstance(fault, asyncpg.PostgresConnectionError)


@dataclass(frozen=True)
class _Kept:
    """A run as it was before a transaction that may not commit; nothing else changes it meanwhile."""

    steps: list[StepRow]
    facts: dict[str, Any]

    @classmethod
    def of(cls, run: Run) -> "_Kept":
        return cls([copy.copy(step) for step in run.steps], {name: copy.copy(getattr(run, name)) for name in _CHANGING})

    def put_back(self, run: Run) -> None:
        run.steps = self.steps
        for name, value in self.facts.items():
            setattr(run, name, value)


async def _run_together(
    services: Services, run: Run, transaction: Transaction, first: StepRow, limit: asyncio.Timeout
) -> Rest | None:
    """Run a step and the local ones that follow it, a savepoint each, and write the checkpoint in the same commit."""
    step: StepRow | None = first
    while step is not None:
        _reset(limit, min(_length(services, run, step), services.settings.engine.step_seconds))
        fine = await _run_in_savepoint(services, run, transaction, step)
        step = _next_local(services, run) if fine and not run.alone and not run.careful else None
    _reset(limit, services.settings.engine.step_seconds)
    await children.stop(services, run, transaction)
    left = rules.rest(run, services.served)
    await services.journal.write_within(transaction, write_of(run, left))
    return left


def _reset(limit: asyncio.Timeout, length: float) -> None:
    limit.reschedule(asyncio.get_running_loop().time() + length)


def _length(services: Services, run: Run, step: StepRow) -> float:
    """Return how many seconds an attempt may take: no longer than what is left to the workflow."""
    length = step.timeout_seconds or services.settings.engine.step_seconds
    if run.deadline is None or run.stopping:
        return length
    return max(0.001, min(length, (run.deadline - run.now()) / _SECOND))


def _next_local(services: Services, run: Run) -> StepRow | None:
    for step in rules.todo(run, services.served):
        if _is_local(services, run, step) and step.attempts == 0:
            return step
    return None


async def _run_in_savepoint(services: Services, run: Run, transaction: Transaction, step: StepRow) -> bool:
    rules.begin(run, step)
    try:
        if step.kind == "workflow" and step.status != "done":
            return await children.start(services, run, transaction, step)
        call = calling.prepare(services, run, step)
        async with call.context.transaction():
            answer = calling.kept(services, run, step, await call.task.run(call.context, call.request))
    except Exception as fault:  # noqa: BLE001 - a step may raise anything
        calling.failed(services, run, step, fault)
        return False
    rules.done(run, step, note=answer.note, output=answer.output)
    return True


# Steps that run with no transaction open.


async def _run_away(services: Services, run: Run, step: StepRow) -> _End:
    """Return the task's answer or the fault that it raised: the run itself is changed by its own coroutine only."""
    result = await _try_away(services, run, step)
    return _End(step.position, result, time.monotonic())


async def _try_away(services: Services, run: Run, step: StepRow) -> calling.Answer | Exception | None:
    if step.kind != "task" and step.status != "done":
        return None
    try:
        call = calling.prepare(services, run, step)
        async with asyncio.timeout(_length(services, run, step)):
            return calling.kept(services, run, step, await call.task.run(call.context, call.request))
    except Exception as fault:  # noqa: BLE001 - a step may raise anything
        return fault


def _moment(end: _End) -> float:
    return end.moment


def _take(services: Services, run: Run, end: _End) -> None:
    step = run.step(end.position)
    if isinstance(end.result, calling.Answer):
        rules.done(run, step, note=end.result.note, output=end.result.output)
    elif isinstance(end.result, Exception):
        calling.failed(services, run, step, end.result)
    else:
        children.look(services, run, step)
