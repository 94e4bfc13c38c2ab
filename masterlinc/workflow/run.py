"""A leased workflow, in memory: what its steps are at, and the rules by which they go on. No I/O."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from masterlinc.plans.actor import Actor
from masterlinc.plans.plan import Kind, agent_of

_LOOK_AGAIN = timedelta(seconds=5)  # of an undo that waits and says no time
ENDED = frozenset({"done", "failed", "cancelled"})
OVER = frozenset({"done", "failed", "skipped", "undone"})


class StepRow(Struct):
    """A step's row, as it will be written."""

    position: int
    name: str
    kind: Kind
    task: str
    task_version: int
    agent: str
    outside: bool
    depends_on: tuple[int, ...]
    max_attempts: int
    timeout_seconds: float | None
    undo: str
    status: str
    attempts: int
    undo_attempts: int
    wakes: int
    wake_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    note: str | None
    error: str | None


class Signal(Struct, frozen=True):
    """A signal that no step has taken yet."""

    id: UUID
    name: str
    payload: bytes | None


class Child(Struct, frozen=True):
    """A workflow that a step of this one started."""

    position: int
    status: str
    id: UUID


class Note(Struct, frozen=True):
    """A line of the timeline."""

    kind: str
    step: str | None
    detail: str | None


@dataclass
class Run:
    """A workflow that this process leases; (lease owner, starts) is the fence of what it writes."""

    id: UUID
    name: str
    version: int
    key: str
    organization_id: UUID
    agent: str
    status: str
    stopping: str | None
    on_failure: str
    actor: Actor | None
    deadline: datetime | None
    parent_id: UUID | None
    starts: int
    crashes: int
    wakes: int
    moment: datetime  # the database's time when it was leased
    steps: list[StepRow]
    inputs: dict[int, bytes] = field(default_factory=dict)
    outputs: dict[int, bytes] = field(default_factory=dict)
    undo_inputs: dict[int, bytes] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    children: dict[int, Child] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)  # positions that run in this process now
    marked: set[int] = field(default_factory=set)  # positions whose start was counted before it happened
    rested: dict[int, bool] = field(default_factory=dict)  # positions that wait since this lease, as `pause` tells
    changed: set[int] = field(default_factory=set)  # positions whose rows are to be written
    fresh: dict[int, bytes] = field(default_factory=dict)  # outputs that are to be written
    taken: list[tuple[UUID, int]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    error: str | None = None
    careful: bool = False  # its last process died with it: each step alone, and counted before it runs
    kept_bytes: int = 0  # of answers, together
    alone: bool = False  # each step in a transaction of its own, after a batch of them failed
    since: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Return the database's time: a host's clock may jump."""
        return self.moment + timedelta(seconds=time.monotonic() - self.since)

    def step(self, position: int) -> StepRow:
        """Return the step at a position, from 1."""
        return self.steps[position - 1]

    def touch(self, step: StepRow) -> None:
        """Have the step's row written with the next checkpoint."""
        self.changed.add(step.position)

    def told(self, kind: str, step: StepRow | None, detail: str | None) -> None:
        """Add a line to the timeline."""
        self.notes.append(Note(kind, step.name if step else None, detail))


class Rest(Struct, frozen=True):
    """How a run is left: ended, parked, waiting, or handed to the processes of another agent."""

    status: str
    wake_at: datetime | None = None
    agent: str | None = None


def todo(run: Run, served: frozenset[str]) -> list[StepRow]:
    """Return the steps that can go on now in this process."""
    found = [step for step in _able(run, run.now()) if acting_agent(run, step) in served]
    if run.careful and found:  # one of them may have killed the process
        return [] if run.begun else [min(found, key=lambda step: step.attempts)]  # the innocent go first
    return found


def rest(run: Run, served: frozenset[str]) -> Rest | None:
    """Return how to leave the run; None while there is something to do here."""
    if run.begun or todo(run, served):
        return None
    now = run.now()
    foreign = next(_able(run, now), None)
    if foreign is not None:
        return Rest("undoing" if run.stopping else "running", now, acting_agent(run, foreign))
    if any(step.status == "parked" for step in run.steps):
        return Rest("parked")
    if run.stopping:
        left = _latest_undoable(run)
        return Rest("undoing", left.wake_at, agent_of(left.undo)) if left else Rest(run.stopping)
    if all(step.status in OVER for step in run.steps):
        return Rest("done" if all(step.status == "done" for step in run.steps) else "failed")
    return _waiting(run)


def next_due(run: Run) -> datetime | None:
    """Return when the next step is due that may begin beside those that run."""
    now = run.now()
    if run.stopping or any(step.status == "parked" for step in run.steps):
        return None
    times = [
        step.wake_at
        for step in run.steps
        if step.wake_at is not None
        and step.wake_at > now
        and step.position not in run.begun
        and run.rested.get(step.position, True)
        and (step.status == "waiting" or (step.status == "pending" and _met(run, step)))
    ]
    return min(times, default=None)


def acting_agent(run: Run, step: StepRow) -> str:
    """Return the agent whose processes do what comes next of a step."""
    return agent_of(step.undo) if run.stopping else step.agent


def _waiting(run: Run) -> Rest:
    """Return until when nothing can be done, and whose processes go on then."""
    waiting = [step for step in run.steps if step.status == "waiting"]
    timed = [step for step in run.steps if step.wake_at is not None and (step in waiting or _met(run, step))]
    times = [(step.wake_at, step.agent) for step in timed if step.wake_at is not None]
    wake_at, agent = min(times) if times else (None, waiting[0].agent if waiting else None)
    return Rest("waiting" if waiting else "running", wake_at, agent)


def _able(run: Run, now: datetime) -> Iterator[StepRow]:
    if any(step.status == "parked" for step in run.steps):
        return
    if run.stopping:
        latest = None if run.begun else _latest_undoable(run)
        if latest is not None and latest.position not in run.rested and _due(latest, now):
            yield latest
        return
    for step in run.steps:
        if step.position in run.begun or _asked(run, step):
            continue
        if step.status in {"pending", "running"} and _met(run, step):
            if _due(step, now):
                yield step
        elif step.status == "waiting" and _awoken(run, step, now):
            yield step


def _asked(run: Run, step: StepRow) -> bool:
    """Say whether a step said in this lease that it waits, and is not to be asked again in it."""
    return step.position in run.rested and not (run.begun and run.rested[step.position])


def _due(step: StepRow, now: datetime) -> bool:
    return step.wake_at is None or step.wake_at <= now


def _met(run: Run, step: StepRow) -> bool:
    return all(run.step(position).status == "done" for position in step.depends_on)


def _awoken(run: Run, step: StepRow, now: datetime) -> bool:
    if step.wake_at is not None and step.wake_at <= now:
        return True
    if step.kind == "signal":
        return any(signal.name == step.task for signal in run.signals)
    if step.kind == "workflow":
        child = run.children.get(step.position)
        return child is not None and child.status in ENDED
    return step.kind == "task" and run.wakes > step.wakes


def _latest_undoable(run: Run) -> StepRow | None:
    """Return the step to take back next: the one that was done last."""
    left = [step for step in run.steps if step.status == "done" and step.undo]
    beginning = datetime.min.replace(tzinfo=UTC)
    return max(left, key=lambda step: (step.finished_at or beginning, step.position), default=None)


# What becomes of a step. One whose status is `done` is being taken back; any other goes forward.


def begin(run: Run, step: StepRow) -> None:
    """Note that a step runs in this process now."""
    run.begun.add(step.position)
    if step.status != "done":
        step.status = "running"
        step.started_at = step.started_at or run.now()


def mark(run: Run, step: StepRow) -> None:
    """Count a start before it happens: what a process that died leaves behind must show."""
    _count(step, 1)
    run.marked.add(step.position)
    run.touch(step)


def done(run: Run, step: StepRow, *, note: str | None = None, output: bytes | None = None) -> None:
    """Take a step's answer, or that its effect was taken back."""
    _settle(run, step, counts=True)
    if step.status == "done":
        step.status, step.wake_at = "undone", None
        run.told("undone", step, note)
        return
    step.status, step.wake_at, step.error, step.note, step.finished_at = "done", None, None, note, run.now()
    if output is not None:
        run.outputs[step.position] = run.fresh[step.position] = output
    if not run.stopping and not any(one.status == "failed" for one in run.steps):
        run.error = None


def pause(run: Run, step: StepRow, until: datetime | None) -> None:
    """Let a step wait: a wait is no failed attempt.

    It is not asked again in this lease, unless others keep the lease until its time has come.
    """
    _settle(run, step, counts=False)
    run.rested[step.position] = until is not None and until > run.now()
    if step.status == "done":
        step.wake_at = until or run.now() + _LOOK_AGAIN
    elif run.stopping:
        step.status = "skipped"
    else:
        step.status, step.wake_at, step.wakes = "waiting", until, run.wakes


def again(run: Run, step: StepRow, reason: str, after: timedelta, *, counts: bool) -> None:
    """Try a step again later; a passing fault outside does not count."""
    _settle(run, step, counts=counts)
    step.error = reason
    if not run.stopping:  # else why it stops is what counts
        run.error = reason
    step.wake_at = run.now() + after
    if counts:
        run.told("failed", step, reason)
    if step.status != "done":
        step.status = "skipped" if run.stopping else "pending"


def broken(run: Run, step: StepRow, reason: str, *, park: bool, output: bytes | None = None) -> None:
    """End a step for good: the workflow parks, goes on without it, or takes back what was done."""
    _settle(run, step, counts=True)
    if output is not None and step.status != "done":
        run.fresh[step.position] = output
    if step.status == "done" or (not run.stopping and (park or run.on_failure == "park")):
        step.status = "parked"
    else:
        step.status, step.finished_at = "failed", run.now()
    step.wake_at, step.error = None, reason
    if step.status == "parked" or not run.stopping:
        run.error = f"{step.name}: {reason}"
    run.told("parked" if step.status == "parked" else "failed", step, reason)
    if step.status == "failed" and not run.stopping:
        if run.on_failure == "undo":
            stop(run, "failed")
        else:
            _skip_dependants(run)


def stop(run: Run, ending: str) -> None:
    """Begin nothing new; what was done and can be undone is undone, last first, and the workflow ends."""
    run.stopping, run.status = ending, "undoing"
    for step in run.steps:
        if step.status in {"pending", "waiting", "running", "parked"} and step.position not in run.begun:
            step.status, step.wake_at = "skipped", None
            run.touch(step)


def late(run: Run) -> bool:
    """Say whether the workflow's own time is over."""
    return run.deadline is not None and not run.stopping and run.now() >= run.deadline


def _settle(run: Run, step: StepRow, *, counts: bool) -> None:
    """A step has come to an end in this process, one way or another."""
    _count(step, int(counts) - int(step.position in run.marked))
    run.begun.discard(step.position)
    run.marked.discard(step.position)
    run.crashes = 0
    run.touch(step)


def _count(step: StepRow, starts: int) -> None:
    if step.status == "done":
        step.undo_attempts += starts
    else:
        step.attempts += starts


def _skip_dependants(run: Run) -> None:
    gone = {step.position for step in run.steps if step.status in {"failed", "skipped"}}
    changed = True
    while changed:
        changed = False
        for step in run.steps:
            if step.status in {"pending", "waiting"} and gone & set(step.depends_on):
                step.status, step.wake_at, changed = "skipped", None, True
                gone.add(step.position)
                run.touch(step)
