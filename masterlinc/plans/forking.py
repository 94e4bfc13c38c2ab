"""A workflow begun anew from one of its steps: earlier steps keep their answers."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound
from masterlinc.ids import new_id
from masterlinc.plans.control import WrongState, locked, note, refuse_forgotten
from masterlinc.plans.starting import label

if TYPE_CHECKING:
    from masterlinc.context import Services

_STEPS = """
SELECT position, name, status, depends_on FROM masterlinc.workflow_step WHERE workflow_id = $1 ORDER BY position
"""
_FORK = """
INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, priority, urgency, on_failure,
    title, actor, started_by, deadline, forked_from)
SELECT $1, w.name, w.version, $3, w.organization_id, w.agent, w.priority, w.urgency, w.on_failure, w.title, w.actor,
    coalesce($4, w.started_by), now() + (w.deadline - coalesce(w.retried_at, w.created_at)), w.id
FROM masterlinc.workflow w WHERE w.id = $2
ON CONFLICT (name, business_key) DO NOTHING RETURNING id
"""
_FORK_STEPS = """
INSERT INTO masterlinc.workflow_step (workflow_id, position, name, task, outside, max_attempts, kind, task_version,
    agent, depends_on, timeout_seconds, undo, status, started_at, finished_at, note)
SELECT $1, s.position, s.name, s.task, s.outside, s.max_attempts, s.kind, s.task_version, s.agent, s.depends_on,
    s.timeout_seconds, s.undo, CASE WHEN again THEN 'pending' ELSE 'done' END,
    CASE WHEN NOT again THEN s.started_at END, CASE WHEN NOT again THEN s.finished_at END,
    CASE WHEN NOT again THEN s.note END
FROM (SELECT *, position = ANY ($3::smallint[]) AS again FROM masterlinc.workflow_step WHERE workflow_id = $2) s
"""
_PAYLOADS = """
SELECT position, input, output, undo_input FROM masterlinc.step_payload
WHERE organization_id = $1 AND workflow_id = $2 ORDER BY position
"""
_ADD_PAYLOAD = """
INSERT INTO masterlinc.step_payload (organization_id, workflow_id, position, input, output, undo_input)
VALUES ($1, $2, $3, $4, $5, $6)
"""


async def fork(
    services: "Services", transaction: Transaction, workflow: UUID, from_step: str, key: str, by: UUID | None
) -> UUID | None:
    """Start the same plan anew from a step on; earlier steps keep their answers. None when the key was started before.

    What was taken back of the earlier steps is done anew too, with all that comes after it.
    Raises NotFound for a step that is none, WrongState while an earlier step has no answer yet.
    """
    row = await locked(transaction, workflow)
    refuse_forgotten(row)
    steps = await transaction.fetch(_STEPS, workflow)
    again = _from(steps, from_step)
    if any(step["status"] != "done" for step in steps if step["position"] not in again and _leads(steps, step, again)):
        raise WrongState("a step before it has no answer yet", "هناك خطوة سابقة لم تنته بعد")
    new = new_id()
    made = await transaction.fetchval(_FORK, new, workflow, key, by)
    if made is None:
        return None
    await transaction.execute(_FORK_STEPS, new, workflow, sorted(again))
    await _copy_payloads(services, transaction, row["organization_id"], workflow, new, again)
    await note(transaction, workflow, "forked", from_step, by)
    transaction.on_commit(services.after_commit)
    return new


async def _copy_payloads(
    services: "Services", transaction: Transaction, organization: UUID, old: UUID, new: UUID, again: set[int]
) -> None:
    """Copy what steps are given and answered; each is sealed anew, since a seal belongs to its row."""

    def moved(position: int, kind: str, sealed: bytes | None) -> bytes | None:
        if sealed is None:
            return None
        plain = services.vault.open(organization, label(old, position, kind), sealed)
        return services.vault.seal(organization, label(new, position, kind), plain)

    rows = await transaction.fetch(_PAYLOADS, organization, old)
    await transaction.executemany(
        _ADD_PAYLOAD,
        [
            (
                organization,
                new,
                row["position"],
                moved(row["position"], "input", row["input"]),
                None if row["position"] in again else moved(row["position"], "output", row["output"]),
                moved(row["position"], "undo_input", row["undo_input"]),
            )
            for row in rows
        ],
    )


def _from(steps: list[Any], name: str) -> set[int]:
    """Return the positions of a step, of what was taken back, and of all that come after these."""
    first = next((step["position"] for step in steps if step["name"] == name), None)
    if first is None:
        raise NotFound(f"there is no step {name}", f"لا توجد خطوة باسم {name}")
    again = {first} | {step["position"] for step in steps if step["status"] == "undone"}
    changed = True
    while changed:
        more = {step["position"] for step in steps if again & set(step["depends_on"])} - again
        again |= more
        changed = bool(more)
    unanswered = [step for step in steps if step["status"] != "done" and not _leads(steps, step, again)]
    return again | {step["position"] for step in unanswered}  # of branches that nothing here needs


def _leads(steps: list[Any], step: Any, again: set[int]) -> bool:
    """Say whether a step that is done anew needs this one, at once or through others."""
    needed: set[int] = set()
    left = [one for one in steps if one["position"] in again]
    while left:
        for position in set(left.pop()["depends_on"]) - needed:
            needed.add(position)
            left.append(next(one for one in steps if one["position"] == position))
    return step["position"] in needed
