"""The SQL of payment batches at the payer: accounts of claims, batches and their lines."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from masterlinc.db.transaction import Transaction

# What is due: the difference between what is decided and what was paid, in no live batch, with nobody looking at it.
_DUE = """
FROM claimlinc.claim_account a
WHERE a.organization_id = $1 AND a.entitled <> a.paid AND a.provider_organization_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM claimlinc.payment_line l
    WHERE l.organization_id = a.organization_id AND l.account_id = a.id AND l.open)
  AND NOT EXISTS (SELECT FROM claimlinc.review_case r
    WHERE r.organization_id = a.organization_id AND r.provider_organization_id = a.provider_organization_id
      AND r.provider_license = a.provider_license AND r.identifier_system = a.identifier_system
      AND r.identifier_value = a.identifier_value
      AND r.state IN ('pended', 'information_requested', 'second_review', 'appealed'))
"""
_BATCH_STATES = {
    "approved": "approved_by = $4, approved_at = $5",
    "sent": "sent_by = $4, sent_at = $5",
    "settled": "settled_by = $4, settled_at = $5, paid_on = $6, bank_reference = $7",
    "withdrawn": "withdrawn_by = $4, withdrawn_at = $5",
}


_OF_PROVIDER = "AND a.provider_organization_id = $2 AND ($3::timestamptz IS NULL OR a.decided_at < $3)"


class Wanted(NamedTuple):
    """What is to be collected: of whom, for whom, decided by when."""

    payer: UUID
    provider: UUID
    until: datetime | None


async def due_in_all(tx: Transaction, wanted: Wanted) -> Decimal:
    """Return what is due to a provider, less what is to be taken back."""
    found: Decimal | None = await tx.fetchval(
        f"SELECT sum(a.entitled - a.paid) {_DUE} {_OF_PROVIDER}",
        *wanted,
    )
    return found or Decimal(0)


async def lock_due(tx: Transaction, wanted: Wanted, most: int, *, back: bool) -> list[Any]:
    """Lock the oldest accounts on which something is to be paid, or to be taken back, and return them."""
    return await tx.fetch(
        f"SELECT a.* {_DUE} {_OF_PROVIDER} AND (a.entitled < a.paid) = $4"
        " ORDER BY a.id LIMIT $5 FOR NO KEY UPDATE OF a",
        *wanted,
        back,
        most,
    )


async def due_by_provider(tx: Transaction, payer: UUID) -> list[Any]:
    """Return what is due to each provider."""
    return await tx.fetch(
        "SELECT a.provider_organization_id AS provider, count(*) AS claims, sum(a.entitled - a.paid) AS payment,"
        f" min(a.decided_at) AS oldest {_DUE} GROUP BY a.provider_organization_id ORDER BY oldest",
        payer,
    )


async def lock_account(tx: Transaction, payer: UUID, number: tuple[str, str, str]) -> Any:
    """Lock the account of a submission and return it, or None where nothing was decided on it."""
    return await tx.fetchrow(
        "SELECT id, entitled, paid FROM claimlinc.claim_account WHERE organization_id = $1 AND provider_license = $2"
        " AND identifier_system = $3 AND identifier_value = $4 FOR NO KEY UPDATE",
        payer,
        *number,
    )


async def add_batch(tx: Transaction, row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> None:
    """Append a batch with its lines, and count what it pays as paid."""
    await tx.execute(
        "INSERT INTO claimlinc.payment_batch (organization_id, id, provider_organization_id, state, early_fee_percent,"
        " nphies_fee_percent, claims, payment, early_fee, nphies_fee, amount, made_by, made_at)"
        " VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        *row,
    )
    await tx.executemany(
        "INSERT INTO claimlinc.payment_line (organization_id, batch_id, position, provider_organization_id, account_id,"
        " decision_id, kind, reason, entitled, paid_before, payment, early_fee, nphies_fee, amount, open)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, true)",
        lines,
    )
    await tx.execute(
        "UPDATE claimlinc.claim_account a SET paid = a.paid + l.payment FROM claimlinc.payment_line l"
        " WHERE l.organization_id = $1 AND l.batch_id = $2 AND a.organization_id = $1 AND a.id = l.account_id",
        *row[:2],
    )


async def lock_batch(tx: Transaction, payer: UUID, batch_id: UUID) -> Any:
    """Lock a batch of a payer and return it, or None."""
    return await tx.fetchrow(
        "SELECT * FROM claimlinc.payment_batch WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE",
        payer,
        batch_id,
    )


async def batch(tx: Transaction, payer: UUID, batch_id: UUID) -> Any:
    """Return a batch of a payer, or None."""
    return await tx.fetchrow(
        "SELECT * FROM claimlinc.payment_batch WHERE organization_id = $1 AND id = $2", payer, batch_id
    )


async def batches(tx: Transaction, payer: UUID, state: str | None, limit: int, offset: int) -> list[Any]:
    """Return a page of a payer's batches, the newest first."""
    return await tx.fetch(
        "SELECT * FROM claimlinc.payment_batch WHERE organization_id = $1 AND ($2::text IS NULL OR state = $2)"
        " ORDER BY id DESC LIMIT $3 OFFSET $4",
        payer,
        state,
        limit,
        offset,
    )


async def count_batches(tx: Transaction, payer: UUID, state: str | None, most: int) -> int:
    """Count a payer's batches, to `most` and no further."""
    counted: int = await tx.fetchval(
        "SELECT count(*) FROM (SELECT FROM claimlinc.payment_batch WHERE organization_id = $1"
        " AND ($2::text IS NULL OR state = $2) LIMIT $3) AS counted",
        payer,
        state,
        most,
    )
    return counted


async def move_batch(tx: Transaction, row: Any, state: str, *facts: Any) -> None:
    """Move a locked batch on: who did it, when, and with settling what the bank says."""
    await tx.execute(
        f"UPDATE claimlinc.payment_batch SET state = $3, {_BATCH_STATES[state]}"  # noqa: S608 - our own words
        " WHERE organization_id = $1 AND id = $2",
        row["organization_id"],
        row["id"],
        state,
        *facts,
    )


async def close_lines(tx: Transaction, payer: UUID, batch_id: UUID) -> None:
    """Let the claims of a batch go, which is settled or withdrawn."""
    await tx.execute(
        "UPDATE claimlinc.payment_line SET open = false WHERE organization_id = $1 AND batch_id = $2", payer, batch_id
    )


async def give_back(tx: Transaction, payer: UUID, batch_id: UUID) -> None:
    """Count what a withdrawn batch would have paid as not paid."""
    await tx.execute(
        "UPDATE claimlinc.claim_account a SET paid = a.paid - l.payment FROM claimlinc.payment_line l"
        " WHERE l.organization_id = $1 AND l.batch_id = $2 AND a.organization_id = $1 AND a.id = l.account_id",
        payer,
        batch_id,
    )


async def lines_of(tx: Transaction, payer: UUID, batch_id: UUID) -> list[Any]:
    """Return the lines of a batch with the claims' numbers; who sees a batch sees its decisions."""
    return await tx.fetch(
        "SELECT l.*, d.identifier_system, d.identifier_value, b.identifier_value AS replaced_by"
        " FROM claimlinc.payment_line l"
        " JOIN claimlinc.decision d ON d.organization_id = l.organization_id AND d.id = l.decision_id"
        " LEFT JOIN claimlinc.decision_end e ON e.organization_id = l.organization_id AND e.decision_id = l.decision_id"
        " LEFT JOIN claimlinc.decision b ON b.organization_id = e.organization_id AND b.id = e.by_decision_id"
        " WHERE l.organization_id = $1 AND l.batch_id = $2 ORDER BY l.position",
        payer,
        batch_id,
    )


async def lock_paid_claims(tx: Transaction, provider: UUID, payer: UUID, batch_id: UUID) -> list[Any]:
    """Lock the provider's claims that a batch pays something of, in their order."""
    return await tx.fetch(
        "SELECT c.id, c.status, c.patient_id FROM claimlinc.payment_line l"
        " JOIN claimlinc.decision d ON d.organization_id = l.organization_id AND d.id = l.decision_id"
        " JOIN claimlinc.claim c ON c.organization_id = $1 AND c.identifier_system = d.identifier_system"
        " AND c.identifier_value = d.identifier_value"
        " WHERE l.organization_id = $2 AND l.batch_id = $3 AND l.entitled > 0 ORDER BY c.id FOR NO KEY UPDATE OF c",
        provider,
        payer,
        batch_id,
    )
