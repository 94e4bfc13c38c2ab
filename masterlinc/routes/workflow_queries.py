"""Workflows as people look at them: one with its steps and results, pages of them, and what has happened to one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from masterlinc.db.transaction import Transaction
from masterlinc.http.paging import count_sql
from masterlinc.plans.actor import Actor

NOT_TAKEN = timedelta(minutes=1)  # due, and no process takes it
NO_PROGRESS = timedelta(minutes=15)  # leased, and nothing was written
NO_SIGNAL = timedelta(days=1)  # waits for what has no time

# A workflow is stuck when nothing will happen to it by itself, or should have happened long ago.
_STUCK = """
CASE WHEN w.status = 'parked' THEN 'parked'
    WHEN w.status NOT IN ('running', 'waiting', 'undoing') THEN NULL
    WHEN w.lease_owner IS NOT NULL THEN CASE WHEN w.changed_at < now() - $2::interval THEN 'no_progress' END
    WHEN w.wake_at < now() - $1::interval THEN 'not_taken'
    WHEN w.status = 'waiting' AND w.wake_at = 'infinity' AND w.changed_at < now() - $3::interval THEN 'never_signalled'
END
"""
_COLUMNS = f"""
w.id, w.name, w.version, w.business_key, w.organization_id, w.agent, w.status, w.stopping, w.on_failure, w.priority,
w.title, w.actor::text AS actor, w.started_by, w.parent_id, w.forked_from, w.deadline, w.created_at, w.changed_at,
w.finished_at, w.forgotten_at, w.error, w.crashes, s.total, s.completed, coalesce(s.undone, false) AS undone, s.began,
{_STUCK} AS stuck,
CASE WHEN w.lease_owner IS NULL AND w.status IN ('running', 'undoing') THEN w.wake_at ELSE w.changed_at END
    AS stuck_since
"""
_STEPS_IN_SHORT = """
LEFT JOIN LATERAL (
    SELECT count(*)::int AS total, (count(*) FILTER (WHERE x.status = 'done'))::int AS completed,
        bool_or(x.status = 'undone') AS undone, min(x.started_at) AS began
    FROM masterlinc.workflow_step x WHERE x.workflow_id = w.id
) s ON true
"""
_ONE = f"""
SELECT {_COLUMNS} FROM masterlinc.workflow w {_STEPS_IN_SHORT} WHERE w.id = $4 AND w.organization_id = ANY ($5)
"""  # noqa: S608 - our own words
_MATCHES = f"""
($5::text[] IS NULL OR w.status = ANY ($5)) AND ($6::text IS NULL OR $6 IN (w.name, w.title))
    AND ($7::text IS NULL OR w.agent = $7 OR EXISTS (
        SELECT FROM masterlinc.workflow_step y WHERE y.workflow_id = w.id AND y.agent = $7))
    AND ($8::uuid IS NULL OR w.started_by = $8)
    AND ($9::timestamptz IS NULL OR w.id >= masterlinc.lowest_id($9))
    AND ($10::timestamptz IS NULL OR w.id < masterlinc.lowest_id($10))
    AND ($11::text IS NULL OR w.business_key IN ($11, concat_ws('/', w.organization_id, length(w.title), w.title, $11)))
    AND (NOT $12 OR w.finished_at IS NULL AND ({_STUCK}) IS NOT NULL)
    AND ($13::boolean IS NULL OR $13 = EXISTS (
        SELECT FROM masterlinc.workflow_step y WHERE y.workflow_id = w.id AND y.status = 'undone'))
"""  # noqa: S608 - our own words
_COUNTED = count_sql(f"SELECT FROM masterlinc.workflow w WHERE w.organization_id = ANY ($4) AND {_MATCHES}")
# Each organization's own index is read backwards and no further than the page: old workflows cost nothing.
_LISTED = f"""
SELECT {_COLUMNS} FROM (
    SELECT each.* FROM unnest($4::uuid[]) AS mine (organization), LATERAL (
        SELECT w.* FROM masterlinc.workflow w WHERE w.organization_id = mine.organization AND {_MATCHES}
        ORDER BY w.id DESC LIMIT $14::int + $15::int
    ) each ORDER BY each.id DESC LIMIT $14 OFFSET $15
) w {_STEPS_IN_SHORT} ORDER BY w.id DESC
"""  # noqa: S608 - our own words
_STEPS = """
SELECT x.position, x.name, x.kind, x.task, x.undo, x.agent, x.depends_on, x.status, x.attempts, x.max_attempts,
    x.started_at, x.finished_at, x.wake_at, x.note, x.error, p.output
FROM masterlinc.workflow_step x
LEFT JOIN masterlinc.step_payload p
    ON p.organization_id = $1 AND p.workflow_id = x.workflow_id AND p.position = x.position
WHERE x.workflow_id = $2 ORDER BY x.position
"""
_NOTES = "SELECT id, at, kind, step, detail, actor FROM masterlinc.workflow_note WHERE workflow_id = $1 ORDER BY id"
_STARTED = "SELECT id FROM masterlinc.workflow WHERE name = $1 AND business_key = $2 AND organization_id = ANY ($3)"
_LOCK = "SELECT FROM masterlinc.workflow WHERE id = $1 FOR UPDATE"
_SPANS = (NOT_TAKEN, NO_PROGRESS, NO_SIGNAL)
_ACTOR = msgspec.json.Decoder(Actor)


class WorkflowRow(Struct):
    """A workflow, without its steps."""

    id: UUID
    name: str
    version: int
    business_key: str
    organization_id: UUID
    agent: str
    status: str
    stopping: str | None
    on_failure: str
    priority: int
    title: str | None
    actor: Actor | None  # on whose behalf it runs; None: as its agents
    started_by: UUID | None
    parent_id: UUID | None
    forked_from: UUID | None
    deadline: datetime | None
    created_at: datetime
    changed_at: datetime
    finished_at: datetime | None
    forgotten_at: datetime | None
    error: str | None
    crashes: int
    total: int
    completed: int
    undone: bool
    began: datetime | None
    stuck: str | None
    stuck_since: datetime | None


class SeenStep(Struct):
    """A step as it stands; `output` is sealed."""

    position: int
    name: str
    kind: str
    task: str
    undo: str  # the task that takes it back, if any
    agent: str
    depends_on: list[int]
    status: str
    attempts: int
    max_attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    wake_at: datetime | None
    note: str | None
    error: str | None
    output: bytes | None


class SeenNote(Struct):
    """A line of the timeline."""

    id: UUID
    at: datetime
    kind: str
    step: str | None
    detail: str | None
    actor: UUID | None


class Filter(Struct, frozen=True):
    """Which workflows of a list; None: whatever it is."""

    statuses: tuple[str, ...] | None = None
    name: str | None = None  # a full name, or the name that a user gave
    agent: str | None = None  # that it goes on with, or that runs one of its steps
    started_by: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    key: str | None = None
    stuck: bool = False
    undone: bool | None = None


async def find(transaction: Transaction, workflow: UUID) -> WorkflowRow | None:
    """Return a workflow of the transaction's organizations."""
    row = await transaction.fetchrow(_ONE, *_SPANS, workflow, [*transaction.organizations])
    return _row(row) if row is not None else None


async def lock(transaction: Transaction, workflow: UUID) -> None:
    """Hold a workflow as it is until the end of the transaction."""
    await transaction.execute(_LOCK, workflow)


async def steps(transaction: Transaction, workflow: WorkflowRow) -> list[SeenStep]:
    """Return a workflow's steps in order."""
    return [SeenStep(**row) for row in await transaction.fetch(_STEPS, workflow.organization_id, workflow.id)]


async def notes(transaction: Transaction, workflow: WorkflowRow) -> list[SeenNote]:
    """Return what has happened to a workflow besides what its steps tell."""
    return [SeenNote(**row) for row in await transaction.fetch(_NOTES, workflow.id)]


async def started(transaction: Transaction, name: str, key: str) -> UUID | None:
    """Return the workflow that a business key has started."""
    found: UUID | None = await transaction.fetchval(_STARTED, name, key, [*transaction.organizations])
    return found


async def listed(transaction: Transaction, wanted: Filter, limit: int, offset: int) -> tuple[list[WorkflowRow], int]:
    """Return a page of workflows, the newest first, and how many there are."""
    arguments = (*_SPANS, [*transaction.organizations], *_values(wanted))
    rows = await transaction.fetch(_LISTED, *arguments, limit, offset)
    return [_row(row) for row in rows], int(await transaction.fetchval(_COUNTED, *arguments))


def _values(wanted: Filter) -> tuple[Any, ...]:
    return tuple(getattr(wanted, name) for name in Filter.__struct_fields__)


def _row(row: Any) -> WorkflowRow:
    return WorkflowRow(**{**dict(row), "actor": _ACTOR.decode(row["actor"]) if row["actor"] else None})
