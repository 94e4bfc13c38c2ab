"""A workflow as it is answered: its state in words that stay, and results for those who may see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct

from masterlinc.context import Context
from masterlinc.ids import show
from masterlinc.plans.starting import label
from masterlinc.routes.submitting import PREFIX, status_url, stored_key
from masterlinc.routes.workflow_queries import SeenStep, WorkflowRow
from masterlinc.wire import encode, tree
from masterlinc.workflow.targets import KERNEL

STATUSES = ("running", "waiting", "completed", "failed", "cancelled", "compensated", "parked")
# What the engine calls the states that a status may stand for, and whether effects were taken back.
ENGINE: Mapping[str, tuple[tuple[str, ...], bool | None]] = {
    "running": (("running", "undoing"), None),
    "waiting": (("waiting",), None),
    "completed": (("done",), None),
    "failed": (("failed",), False),
    "cancelled": (("cancelled",), None),
    "compensated": (("failed",), True),
    "parked": (("parked",), None),
}
_STEP_WORDS = {"done": "completed", "undone": "compensated"}


class StepView(Struct):
    """A step as it stands; `problem` says why it failed, to those who may see its result."""

    step_id: str
    agent_id: str
    action: str
    kind: str
    status: str  # pending, running, waiting, completed, failed, skipped, parked or compensated
    depends_on: tuple[str, ...]
    attempts: int
    max_attempts: int
    started_at: datetime | None
    completed_at: datetime | None
    next_at: datetime | None
    result_hidden: bool
    note: str | None
    error: str | None
    problem: Any = None


class WorkflowSummary(Struct):
    """A workflow in a list."""

    workflow_id: str
    workflow_name: str
    name: str
    version: int
    status: str
    steps_completed: int
    steps_total: int
    started_at: datetime
    changed_at: datetime
    completed_at: datetime | None
    started_by: str | None
    priority: int
    key: str | None
    error: str | None
    stuck: str | None  # parked, not_taken, no_progress or never_signalled
    stuck_since: datetime | None
    status_url: str


class WorkflowView(WorkflowSummary):
    """A workflow with its steps, and by step the results that the caller may see."""

    on_failure: str
    timeout_at: datetime | None
    parent_id: str | None
    forked_from: str | None
    results: dict[str, Raw]
    steps: tuple[StepView, ...]


def status_of(row: WorkflowRow) -> str:
    """Return the word for a workflow's state."""
    if row.status == "failed":
        return "compensated" if row.undone else "failed"
    return next(word for word, (states, _) in ENGINE.items() if row.status in states)


def summary(row: WorkflowRow) -> WorkflowSummary:
    """Return a workflow for a list."""
    return WorkflowSummary(**_summary(row))


def view(ctx: Context, row: WorkflowRow, steps: Sequence[SeenStep]) -> WorkflowView:
    """Return a workflow with its steps and results, as far as the caller may see them."""
    shown = visible(ctx, row, steps)
    outputs = {step.position: _opened(ctx, row, step) for step in steps if step.position in shown}
    return WorkflowView(
        **_summary(row),
        on_failure=row.on_failure,
        timeout_at=row.deadline,
        parent_id=show(PREFIX, row.parent_id) if row.parent_id else None,
        forked_from=show(PREFIX, row.forked_from) if row.forked_from else None,
        results={
            step.name: Raw(encode(outputs[step.position]))
            for step in steps
            if step.status in _STEP_WORDS and outputs.get(step.position) is not None
        },
        steps=tuple(_step(steps, step, shown, outputs.get(step.position)) for step in steps),
    )


def visible(ctx: Context, row: WorkflowRow, steps: Sequence[SeenStep]) -> frozenset[int]:
    """Return the positions of the steps whose results the caller may see.

    On whose behalf it runs may see all. Others need the permission of the step's task and of every task before it,
    since results flow into what comes after; what the kernel's own steps hand on is never theirs.
    """
    if row.actor is not None and row.actor.id == ctx.principal.user_id:
        return frozenset(step.position for step in steps)
    allowed: set[int] = set()
    for step in _in_order(steps):
        known = ctx.services.registry.tasks.get(step.task)
        permission = known[1].permission if known and step.kind == "task" and step.agent != KERNEL else ""
        if permission and ctx.principal.may(permission) and allowed.issuperset(step.depends_on):
            allowed.add(step.position)
    return frozenset(allowed)


def _in_order(steps: Sequence[SeenStep]) -> list[SeenStep]:
    """Return the steps so that each comes behind those that it needs."""
    ordered: list[SeenStep] = []
    left = {step.position: step for step in steps}
    while left:
        ready = [step for step in left.values() if not left.keys() & set(step.depends_on)]
        ordered += [left.pop(step.position) for step in ready]
    return ordered


def _opened(ctx: Context, row: WorkflowRow, step: SeenStep) -> Any:
    if step.output is None:
        return None
    return tree(ctx.vault.open(row.organization_id, label(row.id, step.position, "output"), step.output))


def _step(steps: Sequence[SeenStep], step: SeenStep, shown: frozenset[int], output: Any) -> StepView:
    names = {one.position: one.name for one in steps}
    failed = step.status in {"failed", "parked"} and isinstance(output, dict)
    return StepView(
        step_id=step.name,
        agent_id=step.agent,
        action=step.task.removeprefix(f"{step.agent}."),
        kind=step.kind,
        status=_STEP_WORDS.get(step.status, step.status),
        depends_on=tuple(names[position] for position in step.depends_on),
        attempts=step.attempts,
        max_attempts=step.max_attempts,
        started_at=step.started_at,
        completed_at=step.finished_at,
        next_at=step.wake_at,
        result_hidden=step.output is not None and step.position not in shown,
        note=step.note,
        error=step.error,
        problem=output.get("error") if failed else None,
    )


def _summary(row: WorkflowRow) -> dict[str, Any]:
    return {
        "workflow_id": show(PREFIX, row.id),
        "workflow_name": row.title or row.name,
        "name": row.name,
        "version": row.version,
        "status": status_of(row),
        "steps_completed": row.completed,
        "steps_total": row.total,
        "started_at": row.created_at,
        "changed_at": row.changed_at,
        "completed_at": row.finished_at,
        "started_by": show("USR", row.started_by) if row.started_by else None,
        "priority": row.priority,
        "key": _key(row),
        "error": row.error,
        "stuck": row.stuck,
        "stuck_since": row.stuck_since if row.stuck else None,
        "status_url": status_url(row.id),
    }


def _key(row: WorkflowRow) -> str | None:
    """Return the business key as the caller gave it; one that was made up says nothing."""
    if row.actor is None:
        return row.business_key
    head = stored_key(row.organization_id, row.title or row.name, "")
    return row.business_key.removeprefix(head) if row.business_key.startswith(head) else None
