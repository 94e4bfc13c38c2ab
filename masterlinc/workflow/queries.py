"""What the engine asks of PostgreSQL, and how its rows become runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from masterlinc.ids import new_id
from masterlinc.plans.actor import Actor
from masterlinc.workflow.run import ENDED, Child, Rest, Run, Signal, StepRow

CLAIM = "SELECT * FROM masterlinc.claim_workflows($1, $2, $3)"
CHECKPOINT = "SELECT masterlinc.checkpoint($1, $2::json, $3::json, $4::json, $5::json, $6, $7, $8)"

_STEPS = msgspec.json.Decoder(list[StepRow])
_CHILDREN = msgspec.json.Decoder(list[Child])
_ACTOR = msgspec.json.Decoder(Actor)
_ENCODE = msgspec.json.Encoder().encode


class _Flow(Struct):
    id: UUID
    starts: int
    status: str
    stopping: str | None
    agent: str | None
    error: str | None
    crashes: int
    wakes: int
    release: bool
    wake_at: datetime | None
    parent: UUID | None


class _Step(Struct):
    workflow_id: UUID
    position: int
    status: str
    attempts: int
    undo_attempts: int
    wakes: int
    started_at: datetime | None
    finished_at: datetime | None
    note: str | None
    error: str | None
    wake_at: datetime | None


class _Note(Struct):
    workflow_id: UUID
    id: UUID
    kind: str
    step: str | None
    detail: str | None


class _Taken(Struct):
    workflow_id: UUID
    id: UUID
    position: int


class Write(Struct):
    """What one run wants written: its rows as they were when it asked."""

    flow: _Flow
    steps: list[_Step]
    notes: list[_Note]
    taken: list[_Taken]
    outputs: list[tuple[int, bytes]]


def run_of(row: Any) -> Run:
    """Turn a claimed row into a run."""
    positions = row["positions"] or ()
    signals = zip(row["signal_ids"] or (), row["signal_names"] or (), row["signal_payloads"] or (), strict=True)
    return Run(
        id=row["id"],
        name=row["name"],
        version=row["version"],
        key=row["business_key"],
        organization_id=row["organization_id"],
        agent=row["agent"],
        status=row["status"],
        stopping=row["stopping"],
        on_failure=row["on_failure"],
        actor=_ACTOR.decode(row["actor"]) if row["actor"] else None,
        deadline=row["deadline"],
        parent_id=row["parent_id"],
        starts=row["starts"],
        crashes=row["crashes"],
        careful=row["crashes"] > 0,
        wakes=row["wakes"],
        moment=row["moment"],
        steps=_STEPS.decode(row["steps"] or "[]"),
        inputs=_present(positions, row["inputs"]),
        outputs=_present(positions, row["outputs"]),
        undo_inputs=_present(positions, row["undo_inputs"]),
        kept_bytes=sum(len(output) for output in row["outputs"] or () if output is not None),
        signals=[Signal(*signal) for signal in signals],
        children={child.position: child for child in _CHILDREN.decode(row["children"] or "[]")},
    )


def _present(positions: Sequence[int], values: Sequence[bytes | None] | None) -> dict[int, bytes]:
    return {place: value for place, value in zip(positions, values or (), strict=True) if value is not None}


def write_of(run: Run, rest: Rest | None) -> Write:
    """Take what has changed of a run, and how it is left where it is; the run starts collecting anew."""
    status = rest.status if rest else run.status
    release = rest is not None
    flow = _Flow(
        id=run.id,
        starts=run.starts,
        status=status,
        stopping=run.stopping,
        agent=rest.agent if rest else None,
        error=run.error,
        crashes=run.crashes,
        wakes=run.wakes,
        release=release,
        wake_at=rest.wake_at if rest else None,
        parent=run.parent_id if status in ENDED else None,
    )
    write = Write(
        flow=flow,
        steps=[_step(run, run.step(position)) for position in sorted(run.changed)],
        notes=[_Note(run.id, new_id(), *_fields(note)) for note in run.notes],
        taken=[_Taken(run.id, signal, position) for signal, position in run.taken],
        outputs=list(run.fresh.items()),
    )
    run.changed, run.notes, run.taken, run.fresh = set(), [], [], {}
    return write


def _fields(note: Any) -> tuple[str, str | None, str | None]:
    return note.kind, note.step, note.detail


def _step(run: Run, step: StepRow) -> _Step:
    return _Step(
        run.id,
        step.position,
        step.status,
        step.attempts,
        step.undo_attempts,
        step.wakes,
        step.started_at,
        step.finished_at,
        step.note,
        step.error,
        step.wake_at,
    )


def arguments_of(process: UUID, writes: Sequence[Write]) -> tuple[Any, ...]:
    """Return the arguments of CHECKPOINT for the writes of any number of runs."""
    notes = [note for write in writes for note in write.notes]
    taken = [one for write in writes for one in write.taken]
    outputs = [(write.flow.id, position, value) for write in writes for position, value in write.outputs]
    return (
        process,
        _ENCODE([write.flow for write in writes]).decode(),
        _ENCODE([step for write in writes for step in write.steps]).decode(),
        _ENCODE(notes).decode() if notes else None,
        _ENCODE(taken).decode() if taken else None,
        [one[0] for one in outputs],
        [one[1] for one in outputs],
        [one[2] for one in outputs],
    )
