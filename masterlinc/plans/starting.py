"""Starts workflows: with the commit, and once for a business key."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from masterlinc.db.transaction import Transaction
from masterlinc.ids import new_id
from masterlinc.plans.actor import Actor
from masterlinc.plans.plan import Plan
from masterlinc.wire import dump, encode

if TYPE_CHECKING:
    from masterlinc.context import Services

CONTEXT = 0  # the place of a workflow's context among its payloads

_START = "SELECT masterlinc.start_workflow($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb)"
_PAYLOADS = """
INSERT INTO masterlinc.step_payload (organization_id, workflow_id, position, input, undo_input)
SELECT $1, $2, * FROM unnest($3::smallint[], $4::bytea[], $5::bytea[])
"""


class Start(Struct, frozen=True):
    """How one workflow is started."""

    key: str
    organization_id: UUID
    actor: Actor | None = None  # None: it runs as its agents
    priority: int = 5
    title: str | None = None
    context: Any = None
    timeout_seconds: float | None = None  # the plan's where None
    parent_id: UUID | None = None
    parent_position: int | None = None
    forked_from: UUID | None = None


class _Options(Struct, omit_defaults=True):
    priority: int
    on_failure: str
    title: str | None = None
    actor: Actor | None = None
    started_by: UUID | None = None
    timeout_seconds: float | None = None
    parent_id: UUID | None = None
    parent_position: int | None = None
    forked_from: UUID | None = None


class _StoredStep(Struct, omit_defaults=True):
    name: str
    task: str
    kind: str
    task_version: int
    agent: str
    outside: bool
    depends_on: tuple[int, ...]
    max_attempts: int
    timeout_seconds: float | None
    undo: str


def stored(plan: Plan) -> str:
    """Return a plan's steps as the JSON that `masterlinc.start_workflow` stores: without what they are given."""
    return dump(
        [
            _StoredStep(
                step.name,
                step.task,
                step.kind,
                step.task_version,
                step.agent,
                step.outside,
                step.depends_on,
                step.max_attempts,
                step.timeout_seconds,
                step.undo,
            )
            for step in plan.steps
        ]
    )


async def start(services: "Services", transaction: Transaction, plan: Plan, how: Start) -> UUID | None:
    """Start a workflow with the commit; None when its key was started before. The scope must hold its organization."""
    new = new_id()
    text = services.registry.plan_texts.get(plan.name) if services.registry.plans.get(plan.name) is plan else None
    options = _Options(
        how.priority,
        plan.on_failure,
        how.title,
        how.actor,
        how.actor.id if how.actor else None,
        plan.timeout_seconds if how.timeout_seconds is None else how.timeout_seconds,
        how.parent_id,
        how.parent_position,
        how.forked_from,
    )
    made = await transaction.fetchval(
        _START,
        new,
        plan.name,
        plan.version,
        plan.agent,
        how.key,
        how.organization_id,
        text or stored(plan),
        dump(options),
    )
    if made is None:
        return None
    payloads = list(_payloads(services, new, plan, how))
    if payloads:
        columns = [list(column) for column in zip(*payloads, strict=True)]
        await transaction.execute(_PAYLOADS, how.organization_id, new, *columns)
    transaction.on_commit(services.after_commit)
    return new


def _payloads(services: "Services", workflow: UUID, plan: Plan, how: Start) -> Any:
    def sealed(position: int, kind: str, value: Any) -> bytes | None:
        if value is None:
            return None
        return services.vault.seal(how.organization_id, label(workflow, position, kind), encode(value))

    if how.context is not None:
        yield CONTEXT, sealed(CONTEXT, "input", how.context), None
    for position, step in enumerate(plan.steps, 1):
        if step.input is not None or step.undo_input is not None:
            yield position, sealed(position, "input", step.input), sealed(position, "undo_input", step.undo_input)


def label(workflow: UUID, position: int, kind: str) -> str:
    """Return the label that a payload is sealed under: moved to another row, it does not open."""
    return f"workflow.{kind}/{workflow}/{position}"
