"""The SQL of notices of emergencies: appended once each, and found for the claim that follows."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from masterlinc.db.transaction import Transaction

_NOTICE = (
    "SELECT id, happened_at, received_at, due_at, in_time FROM claimlinc.emergency_notice WHERE organization_id = $1"
    " AND provider_organization_id = $2 AND member_id = $3"
)


async def add(tx: Transaction, row: Sequence[Any]) -> bool:
    """Append a notice; False where the same emergency of the same member was told before."""
    return bool(
        await tx.fetchval(
            "INSERT INTO claimlinc.emergency_notice (organization_id, id, provider_organization_id, member_id,"
            " happened_at, happened_on, received_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT DO NOTHING RETURNING true",
            *row,
        )
    )


async def same(tx: Transaction, payer: UUID, provider: UUID, member_id: UUID, happened_at: Any) -> Any:
    """Return the notice of an emergency."""
    return await tx.fetchrow(f"{_NOTICE} AND happened_at = $4", payer, provider, member_id, happened_at)


async def first_between(tx: Transaction, payer: UUID, provider: UUID, member_id: UUID, days: tuple[date, date]) -> Any:
    """Return the notice of an emergency of some days that came first, or None."""
    return await tx.fetchrow(
        f"{_NOTICE} AND happened_on BETWEEN $4 AND $5 ORDER BY received_at, id LIMIT 1",
        payer,
        provider,
        member_id,
        *days,
    )
