"""The SQL of the payer's clock: when a request came, until when it is to be answered, and when it was."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from masterlinc.db.transaction import Transaction

_CLOCK = (
    "SELECT k.organization_id, k.decision_id, k.provider_organization_id, k.received_at, k.due_at, k.when_late,"
    " k.ran_out_at, k.answered_at, k.answered_by, k.answer_id, k.in_time FROM claimlinc.preauthorization_clock k"
)
# All decisions on one request have its number; the clock is that of the first.
_SAME_REQUEST = (
    "JOIN claimlinc.decision f ON f.organization_id = k.organization_id AND f.id = k.decision_id"
    " JOIN claimlinc.decision d ON d.organization_id = f.organization_id AND d.provider_license = f.provider_license"
    " AND d.identifier_system = f.identifier_system AND d.identifier_value = f.identifier_value"
    " AND d.provider_organization_id IS NOT DISTINCT FROM f.provider_organization_id"
)


async def start(tx: Transaction, row: Sequence[Any]) -> None:
    """Insert a clock: one that runs, or one of a request that was answered at once."""
    await tx.execute(
        "INSERT INTO claimlinc.preauthorization_clock (organization_id, decision_id, provider_organization_id,"
        " received_at, due_at, when_late, answered_at, answered_by, answer_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *row,
    )


async def lock(tx: Transaction, payer: UUID, decision_id: UUID) -> Any:
    """Lock the clock of the request that a decision is on, whichever of its decisions, and return it, or None."""
    return await tx.fetchrow(
        f"{_CLOCK} {_SAME_REQUEST} WHERE d.organization_id = $1 AND d.id = $2 FOR NO KEY UPDATE OF k",
        payer,
        decision_id,
    )


async def run_out(tx: Transaction, payer: UUID, decision_id: UUID, at: datetime) -> None:
    """Write that the time ran out; the clock must be locked."""
    await tx.execute(
        "UPDATE claimlinc.preauthorization_clock SET ran_out_at = $3 WHERE organization_id = $1 AND decision_id = $2",
        payer,
        decision_id,
        at,
    )


async def answer(tx: Transaction, payer: UUID, decision_id: UUID, answer_id: UUID, by: str, at: datetime) -> None:
    """Write when the request was answered, by what and with which decision; the clock must be locked."""
    await tx.execute(
        "UPDATE claimlinc.preauthorization_clock SET answer_id = $3, answered_by = $4, answered_at = $5"
        " WHERE organization_id = $1 AND decision_id = $2",
        payer,
        decision_id,
        answer_id,
        by,
        at,
    )


async def clocks(tx: Transaction, decisions: Collection[UUID]) -> dict[UUID, Any]:
    """Return the clocks of the requests that these decisions are on, by decision, as the scope may see them."""
    rows = await tx.fetch(
        f"{_CLOCK.replace('SELECT ', 'SELECT d.id AS of_decision, ', 1)} {_SAME_REQUEST} WHERE d.id = ANY ($1::uuid[])",
        list(decisions),
    )
    return {row["of_decision"]: row for row in rows}
