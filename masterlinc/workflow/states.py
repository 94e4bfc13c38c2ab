"""How far a workflow is."""

from datetime import datetime

from msgspec import Struct

from masterlinc.db.transaction import Transaction


class StepState(Struct, frozen=True):
    """A step of a running or finished workflow."""

    name: str
    status: str  # pending, running, done, parked
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    note: str | None
    error: str | None


async def steps_of(transaction: Transaction, name: str, key: str) -> list[StepState]:
    """Return the steps of one workflow in order; none when it never started."""
    return (await steps_of_many(transaction, name, [key])).get(key, [])


async def steps_of_many(transaction: Transaction, name: str, keys: list[str]) -> dict[str, list[StepState]]:
    """Return the steps of several workflows of one name, by business key."""
    rows = await transaction.fetch(
        "SELECT w.business_key, s.name, s.status, s.attempts, s.started_at, s.finished_at, s.note, s.error"
        " FROM masterlinc.workflow w JOIN masterlinc.workflow_step s ON s.workflow_id = w.id"
        " WHERE w.name = $1 AND w.business_key = ANY($2::text[]) ORDER BY w.business_key, s.position",
        name,
        keys,
    )
    found: dict[str, list[StepState]] = {}
    for key, *facts in rows:
        found.setdefault(key, []).append(StepState(*facts))
    return found
