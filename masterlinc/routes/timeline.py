"""What has happened to a workflow, in order."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from masterlinc.context import Context
from masterlinc.ids import show
from masterlinc.routes import workflow_queries as queries
from masterlinc.routes.reading import load, workflow_id
from masterlinc.routes.submitting import PREFIX
from masterlinc.routes.workflow_queries import SeenNote, SeenStep, WorkflowRow
from masterlinc.routes.workflow_views import status_of

_STEP_ENDS = {"done": "step_completed", "failed": "step_failed", "undone": "step_completed", "skipped": "step_skipped"}


class TimelineEntry(Struct):
    """One thing that happened; `by` is who did it, where somebody did."""

    at: datetime
    kind: str
    step_id: str | None = None
    detail: str | None = None
    by: str | None = None


class Timeline(Struct):
    """A workflow's story so far."""

    workflow_id: str
    status: str
    entries: list[TimelineEntry]


async def show_timeline(ctx: Context, text: str) -> Timeline:
    """Return what has happened to a workflow."""
    async with ctx.transaction(read_only=True) as transaction:
        row = await load(transaction, workflow_id(text))
        steps = await queries.steps(transaction, row)
        notes = await queries.notes(transaction, row)
    entries = sorted([*_own(row), *_of_steps(steps), *_of_notes(notes)], key=lambda entry: entry.at)
    return Timeline(show(PREFIX, row.id), status_of(row), entries)


def _own(row: WorkflowRow) -> Iterator[TimelineEntry]:
    yield TimelineEntry(row.created_at, "started", by=show("USR", row.started_by) if row.started_by else None)
    if row.finished_at is not None:
        yield TimelineEntry(row.finished_at, status_of(row), detail=row.error)


def _of_steps(steps: Sequence[SeenStep]) -> Iterator[TimelineEntry]:
    for step in steps:
        if step.started_at is not None:
            yield TimelineEntry(step.started_at, "step_started", step.name)
        if step.finished_at is not None and step.status in _STEP_ENDS:
            yield TimelineEntry(step.finished_at, _STEP_ENDS[step.status], step.name, step.error or step.note)


def _of_notes(notes: Sequence[SeenNote]) -> Iterator[TimelineEntry]:
    for note in notes:
        by = show("USR", note.actor) if note.actor else None
        kind = "attempt_failed" if note.kind == "failed" else note.kind
        yield TimelineEntry(note.at, kind, note.step, note.detail, by)
