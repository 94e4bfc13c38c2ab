"""A payer's terms of review, by the day from which they hold."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from claimlinc.writes import Row
from masterlinc.db.transaction import Transaction


class Terms(NamedTuple):
    """How a payer's people work on a day."""

    effective_from: date
    alone_up_to: Any
    appeal_days: int
    answer_hours: int


async def terms_on(tx: Transaction, payer: UUID, day: date) -> Terms | None:
    """Return a payer's terms of review that hold on a day, or None."""
    row = await tx.fetchrow(
        "SELECT effective_from, alone_up_to, appeal_days, answer_hours FROM claimlinc.review_terms"
        " WHERE organization_id = $1 AND effective_from <= $2 ORDER BY effective_from DESC LIMIT 1",
        payer,
        day,
    )
    return Terms(*row) if row else None


async def all_terms(tx: Transaction, payer: UUID) -> list[Any]:
    """Return a payer's terms of review, the latest first."""
    return await tx.fetch(
        "SELECT effective_from, alone_up_to, appeal_days, answer_hours FROM claimlinc.review_terms"
        " WHERE organization_id = $1 ORDER BY effective_from DESC LIMIT 100",
        payer,
    )


async def add_terms(tx: Transaction, row: Row) -> bool:
    """Append terms of review; False where the payer has some from that day on already."""
    made = await tx.fetchval(
        "INSERT INTO claimlinc.review_terms (organization_id, effective_from, alone_up_to, appeal_days, answer_hours,"
        " made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true",
        *row,
    )
    return made is not None
