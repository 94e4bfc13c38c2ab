"""What is done to workflows from outside: wake, signal, cancel, retry, fork. Each with the caller's commit."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from masterlinc.db.transaction import Transaction
from masterlinc.errors import Conflict, NotFound
from masterlinc.ids import new_id
from masterlinc.plans.starting import label
from masterlinc.wire import encode

if TYPE_CHECKING:
    from masterlinc.context import Services

CANCELLABLE = frozenset({"running", "waiting", "parked"})
RETRIABLE = frozenset({"parked", "failed"})
_STEPS = """
SELECT position, name, status, depends_on FROM masterlinc.workflow_step WHERE workflow_id = $1 ORDER BY position
"""
_LOCK = """
SELECT id, name, version, business_key, organization_id, agent, status, stopping, priority, on_failure, title,
    actor::text AS actor, forgotten_at
FROM masterlinc.workflow WHERE id = $1 FOR UPDATE
"""
_WAKE = """
UPDATE masterlinc.workflow SET wakes = wakes + 1, changed_at = clock_timestamp(),
    status = CASE status WHEN 'waiting' THEN 'running' ELSE status END,
    wake_at = CASE WHEN status = 'waiting' THEN now() ELSE wake_at END
WHERE name = $1 AND business_key = $2 AND status IN ('running', 'waiting', 'parked')
"""
_SIGNALLED = """
UPDATE masterlinc.workflow SET wakes = wakes + 1, changed_at = clock_timestamp(),
    status = CASE status WHEN 'waiting' THEN 'running' ELSE status END,
    wake_at = CASE WHEN status = 'waiting' THEN now() ELSE wake_at END
WHERE id = $1
"""
_CANCEL = """
UPDATE masterlinc.workflow SET status = 'undoing', stopping = 'cancelled', lease_owner = NULL, wake_at = now(),
    changed_at = clock_timestamp(), error = NULL, finished_at = NULL
WHERE id = $1
"""
_CANCEL_STEPS = """
UPDATE masterlinc.workflow_step
SET status = CASE WHEN status = 'parked' AND finished_at IS NOT NULL THEN 'failed' ELSE 'skipped' END, wake_at = NULL
WHERE workflow_id = $1 AND status IN ('pending', 'running', 'waiting', 'parked')
"""
_CHILDREN = """
WITH RECURSIVE below AS (
    SELECT id, status FROM masterlinc.workflow WHERE parent_id = $1
    UNION ALL SELECT w.id, w.status FROM masterlinc.workflow w JOIN below ON w.parent_id = below.id
) SELECT id FROM below WHERE status IN ('running', 'waiting', 'parked') ORDER BY id
"""
_RETRY = """
UPDATE masterlinc.workflow SET status = CASE WHEN stopping IS NULL THEN 'running' ELSE 'undoing' END, wake_at = now(),
    changed_at = clock_timestamp(), error = NULL, finished_at = NULL, crashes = 0
WHERE id = $1
"""
_RETRY_STEPS = """
UPDATE masterlinc.workflow_step SET status = 'pending', attempts = 0, wake_at = NULL, error = NULL, finished_at = NULL,
    started_at = NULL
WHERE workflow_id = $1 AND status IN ('failed', 'skipped', 'parked')
"""
_RETRY_UNDOING = """
UPDATE masterlinc.workflow_step SET status = 'done', undo_attempts = 0, wake_at = NULL, error = NULL
WHERE workflow_id = $1 AND status = 'parked'
"""
_NOTE = """
INSERT INTO masterlinc.workflow_note (workflow_id, id, kind, step, detail, actor) VALUES ($1, $2, $3, $4, $5, $6)
"""
_SIGNAL = """
INSERT INTO masterlinc.workflow_signal (organization_id, workflow_id, id, name, payload) VALUES ($1, $2, $3, $4, $5)
"""


class WrongState(Conflict):
    """What was asked does not fit the state that the workflow is in."""

    code = "workflow-state"
    title = "The workflow is not in a state for this"
    title_ar = "حالة سير العمل لا تسمح بهذا الإجراء"


async def wake(services: "Services", transaction: Transaction, name: str, key: str) -> None:
    """Have the waiting steps of a workflow look again; one that is about to wait looks again too."""
    await transaction.execute(_WAKE, name, key)
    transaction.on_commit(services.after_commit)


async def signal(
    services: "Services", transaction: Transaction, workflow: UUID, name: str, payload: Any, by: UUID | None
) -> UUID:
    """Send a signal; it is kept until a step takes it. Raises NotFound, or WrongState once the workflow has ended."""
    row = await _locked(transaction, workflow)
    _refuse_unless(row, frozenset({"running", "waiting"}))
    new = new_id()
    sealed = None
    if payload is not None:
        sealed = services.vault.seal(row["organization_id"], signal_label(new), encode(payload))
    await transaction.execute(_SIGNAL, row["organization_id"], workflow, new, name, sealed)
    await transaction.execute(_SIGNALLED, workflow)
    await _note(transaction, workflow, "signalled", name, by)
    transaction.on_commit(services.after_commit)
    return new


async def cancel(
    services: "Services", transaction: Transaction, workflow: UUID, reason: str, by: UUID | None
) -> list[UUID]:
    """Stop a workflow and those that it started; what can be undone is. What runs now finds its lease gone."""
    row = await _locked(transaction, workflow)
    _refuse_unless(row, CANCELLABLE)
    stopped = [workflow, *(one["id"] for one in await transaction.fetch(_CHILDREN, workflow))]
    for one in stopped:
        await transaction.execute(_CANCEL, one)
        await transaction.execute(_CANCEL_STEPS, one)
        await _note(transaction, one, "cancelled", reason, by)
    transaction.on_commit(services.after_commit)
    return stopped


async def retry(services: "Services", transaction: Transaction, workflow: UUID, by: UUID | None) -> None:
    """Go on with a parked or failed workflow where it stopped; what was done is not done again."""
    row = await _locked(transaction, workflow)
    _refuse_unless(row, RETRIABLE)
    _refuse_forgotten(row)
    if row["status"] == "failed" and row["stopping"] is not None:
        raise WrongState(
            "its effects were taken back; fork it from a step instead",
            "أُلغيت آثار سير العمل؛ يمكن تفريعه من إحدى خطواته بدلاً من ذلك",
        )
    await transaction.execute(_RETRY, workflow)
    await transaction.execute(_RETRY_UNDOING if row["stopping"] is not None else _RETRY_STEPS, workflow)
    await _note(transaction, workflow, "retried", None, by)
    transaction.on_commit(services.after_commit)


async def fork(
    services: "Services", transaction: Transaction, workflow: UUID, from_step: str, key: str, by: UUID | None
) -> UUID | None:
    """Start the same plan anew from a step on; earlier steps keep their answers. None when the key was started before.

    What was taken back of the earlier steps is done anew too, with all that comes after it.
    Raises NotFound for a step that is none, WrongState while an earlier step has no answer yet.
    """
    row = await _locked(transaction, workflow)
    _refuse_forgotten(row)
    steps = await transaction.fetch(_STEPS, workflow)
    again = _from(steps, from_step)
    if any(step["status"] != "done" for step in steps if step["position"] not in again and _leads(steps, step, again)):
        raise WrongState("a step before it has no answer yet", "هناك خطوة سابقة لم تنته بعد")
    new = new_id()
    made = await transaction.fetchval(_FORK, new, workflow, key, by)
    if made is None:
        return None
    await transaction.execute(_FORK_STEPS, new, workflow, sorted(again))
    await _fork_payloads(services, transaction, row["organization_id"], workflow, new, again)
    await _note(transaction, workflow, "forked", from_step, by)
    transaction.on_commit(services.after_commit)
    return new


_FORK = """
INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, priority, urgency, on_failure,
    title, actor, started_by, deadline, forked_from)
SELECT $1, w.name, w.version, $3, w.organization_id, w.agent, w.priority, w.urgency, w.on_failure, w.title, w.actor,
    coalesce($4, w.started_by), now() + (w.deadline - w.created_at), w.id
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


async def _fork_payloads(
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


def signal_label(signal_id: UUID) -> str:
    """Return the label that a signal's payload is sealed under."""
    return f"workflow.signal/{signal_id}"


async def _locked(transaction: Transaction, workflow: UUID) -> Any:
    row = await transaction.fetchrow(_LOCK, workflow)
    if row is None or row["organization_id"] not in transaction.organizations:
        raise NotFound
    return row


def _refuse_forgotten(row: Any) -> None:
    if row["forgotten_at"] is not None:
        raise WrongState("its steps were forgotten: it ended long ago", "حُذفت تفاصيل خطواته لأنه انتهى منذ مدة طويلة")


def _refuse_unless(row: Any, states: frozenset[str]) -> None:
    if row["status"] not in states:
        raise WrongState(
            f"the workflow is {row['status']}; this takes one that is {' or '.join(sorted(states))}",
            f"حالة سير العمل {row['status']}؛ يلزم أن تكون {' أو '.join(sorted(states))}",
        )


async def _note(transaction: Transaction, workflow: UUID, kind: str, detail: str | None, by: UUID | None) -> None:
    await transaction.execute(_NOTE, workflow, new_id(), kind, None, detail, by)
