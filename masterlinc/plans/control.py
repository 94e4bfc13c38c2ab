"""What is done to workflows from outside: wake, signal, cancel, retry. Each with the caller's commit."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from masterlinc.db.transaction import Transaction
from masterlinc.errors import Conflict, NotFound
from masterlinc.ids import new_id
from masterlinc.wire import encode

if TYPE_CHECKING:
    from masterlinc.context import Services

CANCELLABLE = frozenset({"running", "waiting", "parked"})
RETRIABLE = frozenset({"parked", "failed"})
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
    changed_at = clock_timestamp(), error = NULL, finished_at = NULL, crashes = 0, retried_at = now(),
    deadline = now() + (deadline - coalesce(retried_at, created_at))
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
    row = await locked(transaction, workflow)
    _refuse_unless(row, frozenset({"running", "waiting"}))
    new = new_id()
    sealed = None
    if payload is not None:
        sealed = services.vault.seal(row["organization_id"], signal_label(new), encode(payload))
    await transaction.execute(_SIGNAL, row["organization_id"], workflow, new, name, sealed)
    await transaction.execute(_SIGNALLED, workflow)
    await note(transaction, workflow, "signalled", name, by)
    transaction.on_commit(services.after_commit)
    return new


async def cancel(
    services: "Services", transaction: Transaction, workflow: UUID, reason: str, by: UUID | None
) -> list[UUID]:
    """Stop a workflow and those that it started; what can be undone is. What runs now finds its lease gone."""
    row = await locked(transaction, workflow)
    _refuse_unless(row, CANCELLABLE)
    stopped = [workflow, *(one["id"] for one in await transaction.fetch(_CHILDREN, workflow))]
    for one in stopped:
        await transaction.execute(_CANCEL, one)
        await transaction.execute(_CANCEL_STEPS, one)
        await note(transaction, one, "cancelled", reason, by)
    transaction.on_commit(services.after_commit)
    return stopped


async def retry(services: "Services", transaction: Transaction, workflow: UUID, by: UUID | None) -> None:
    """Go on with a parked or failed workflow where it stopped, with its whole time; what was done is not done again."""
    row = await locked(transaction, workflow)
    _refuse_unless(row, RETRIABLE)
    refuse_forgotten(row)
    if row["status"] == "failed" and row["stopping"] is not None:
        raise WrongState(
            "its effects were taken back; fork it from a step instead",
            "أُلغيت آثار سير العمل؛ يمكن تفريعه من إحدى خطواته بدلاً من ذلك",
        )
    await transaction.execute(_RETRY, workflow)
    await transaction.execute(_RETRY_UNDOING if row["stopping"] is not None else _RETRY_STEPS, workflow)
    await note(transaction, workflow, "retried", None, by)
    transaction.on_commit(services.after_commit)


def signal_label(signal_id: UUID) -> str:
    """Return the label that a signal's payload is sealed under."""
    return f"workflow.signal/{signal_id}"


async def locked(transaction: Transaction, workflow: UUID) -> Any:
    """Lock a workflow of the organizations in scope until the commit; raises NotFound."""
    row = await transaction.fetchrow(_LOCK, workflow)
    if row is None or row["organization_id"] not in transaction.organizations:
        raise NotFound
    return row


def refuse_forgotten(row: Any) -> None:
    """Raise WrongState where retention has taken what a step was given and answered."""
    if row["forgotten_at"] is not None:
        raise WrongState("its steps were forgotten: it ended long ago", "حُذفت تفاصيل خطواته لأنه انتهى منذ مدة طويلة")


def _refuse_unless(row: Any, states: frozenset[str]) -> None:
    if row["status"] not in states:
        raise WrongState(
            f"the workflow is {row['status']}; this takes one that is {' or '.join(sorted(states))}",
            f"حالة سير العمل {row['status']}؛ يلزم أن تكون {' أو '.join(sorted(states))}",
        )


async def note(transaction: Transaction, workflow: UUID, kind: str, detail: str | None, by: UUID | None) -> None:
    """Write what was done into the workflow's timeline."""
    await transaction.execute(_NOTE, workflow, new_id(), kind, None, detail, by)
