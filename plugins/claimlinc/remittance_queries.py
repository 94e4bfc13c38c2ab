"""The SQL of remittances at the provider: what payers sent, what the bank says, and what belongs together."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from masterlinc.db.transaction import Transaction

_SENT = "claimlinc.payment_batch b WHERE b.provider_organization_id = $1 AND b.state IN ('sent', 'settled')"
_RECEIVED = (
    "coalesce((SELECT sum(k.amount) FROM claimlinc.remittance_match m JOIN claimlinc.bank_line k"
    " ON k.organization_id = m.organization_id AND k.id = m.bank_line_id"
    " WHERE m.organization_id = $1 AND m.batch_id = b.id AND m.ended_at IS NULL), 0)"
)


async def remittances(tx: Transaction, provider: UUID, limit: int, offset: int) -> list[Any]:
    """Return a page of what payers sent to a provider, the newest first, with what came of it."""
    return await tx.fetch(
        f"SELECT b.*, {_RECEIVED} AS received FROM {_SENT} ORDER BY b.id DESC LIMIT $2 OFFSET $3",  # noqa: S608 - our own words
        provider,
        limit,
        offset,
    )


async def count_remittances(tx: Transaction, provider: UUID, most: int) -> int:
    """Count a provider's remittances, to `most` and no further."""
    counted: int = await tx.fetchval(
        f"SELECT count(*) FROM (SELECT FROM {_SENT} LIMIT $2) AS counted",  # noqa: S608 - our own words
        provider,
        most,
    )
    return counted


async def remittance(tx: Transaction, provider: UUID, batch_id: UUID) -> Any:
    """Return a remittance to a provider, or None."""
    return await tx.fetchrow(f"SELECT b.* FROM {_SENT} AND b.id = $2", provider, batch_id)  # noqa: S608 - our own words


async def decided_lines(tx: Transaction, payer: UUID, batch_id: UUID) -> list[Any]:
    """Return the decided lines of all claims of a batch."""
    return await tx.fetch(
        "SELECT d.* FROM claimlinc.payment_line l JOIN claimlinc.decision_line d"
        " ON d.organization_id = l.organization_id AND d.decision_id = l.decision_id"
        " WHERE l.organization_id = $1 AND l.batch_id = $2 ORDER BY l.position, d.sequence",
        payer,
        batch_id,
    )


async def claims_of(tx: Transaction, provider: UUID, payer: UUID, batch_id: UUID) -> dict[tuple[str, str], UUID]:
    """Return the provider's claims of a batch by their numbers."""
    rows = await tx.fetch(
        "SELECT c.id, c.identifier_system, c.identifier_value FROM claimlinc.payment_line l"
        " JOIN claimlinc.decision d ON d.organization_id = l.organization_id AND d.id = l.decision_id"
        " JOIN claimlinc.claim c ON c.organization_id = $1 AND c.identifier_system = d.identifier_system"
        " AND c.identifier_value = d.identifier_value WHERE l.organization_id = $2 AND l.batch_id = $3",
        provider,
        payer,
        batch_id,
    )
    return {(row["identifier_system"], row["identifier_value"]): row["id"] for row in rows}


async def add_bank_lines(tx: Transaction, rows: Sequence[Sequence[Any]]) -> int:
    """Append the bank lines that are not there and return how many."""
    added = await tx.fetch(
        "INSERT INTO claimlinc.bank_line (organization_id, id, transaction_id, booked_on, amount, reference, sender,"
        " imported_at, imported_by) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[],"
        " $5::numeric[], $6::text[], $7::text[], $8::timestamptz[], $9::uuid[])"
        " ON CONFLICT ON CONSTRAINT bank_line_business_key DO NOTHING RETURNING id",
        *([row[place] for row in rows] for place in range(9)),
    )
    return len(added)


async def known_bank_lines(tx: Transaction, provider: UUID, numbers: Sequence[str]) -> dict[str, Any]:
    """Return the bank lines that are there under these numbers of the bank."""
    rows = await tx.fetch(
        "SELECT * FROM claimlinc.bank_line WHERE organization_id = $1 AND transaction_id = ANY ($2::text[])",
        provider,
        list(numbers),
    )
    return {row["transaction_id"]: row for row in rows}


async def bank_line(tx: Transaction, provider: UUID, line_id: UUID) -> Any:
    """Return a bank line, or None."""
    return await tx.fetchrow(
        "SELECT * FROM claimlinc.bank_line WHERE organization_id = $1 AND id = $2", provider, line_id
    )


async def unmatched(tx: Transaction, provider: UUID, most: int) -> list[Any]:
    """Return the bank lines that belong to no remittance yet, the oldest first."""
    return await tx.fetch(
        "SELECT k.* FROM claimlinc.bank_line k WHERE k.organization_id = $1 AND NOT EXISTS (SELECT"
        " FROM claimlinc.remittance_match m WHERE m.organization_id = $1 AND m.bank_line_id = k.id"
        " AND m.ended_at IS NULL) ORDER BY k.booked_on, k.id LIMIT $2",
        provider,
        most,
    )


async def matched_lines(tx: Transaction, provider: UUID, batches: Sequence[UUID]) -> list[Any]:
    """Return the bank lines that belong to these remittances."""
    return await tx.fetch(
        "SELECT k.*, m.how, m.batch_id FROM claimlinc.remittance_match m JOIN claimlinc.bank_line k"
        " ON k.organization_id = m.organization_id AND k.id = m.bank_line_id"
        " WHERE m.organization_id = $1 AND m.batch_id = ANY ($2::uuid[]) AND m.ended_at IS NULL"
        " ORDER BY k.booked_on, k.id",
        provider,
        list(batches),
    )


async def waiting(tx: Transaction, provider: UUID, most: int) -> list[Any]:
    """Return remittances whose money has not come in full, the oldest first."""
    return await tx.fetch(
        f"SELECT * FROM (SELECT b.*, {_RECEIVED} AS received FROM {_SENT}) AS sent WHERE received < amount"  # noqa: S608 - our own words
        " ORDER BY id LIMIT $2",
        provider,
        most,
    )


async def add_match(tx: Transaction, row: Sequence[Any]) -> bool:
    """Match a bank line with a remittance; False where it is matched already."""
    made = await tx.fetchval(
        "INSERT INTO claimlinc.remittance_match (organization_id, id, bank_line_id, payer_organization_id, batch_id,"
        " how, matched_at, matched_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (organization_id, bank_line_id) WHERE ended_at IS NULL DO NOTHING RETURNING true",
        *row,
    )
    return made is not None


async def end_match(tx: Transaction, provider: UUID, line_id: UUID, facts: Sequence[Any]) -> UUID | None:
    """End the match of a bank line and return its remittance; None where it is in no match."""
    batch_id: UUID | None = await tx.fetchval(
        "UPDATE claimlinc.remittance_match SET ended_at = $3, ended_by = $4 WHERE organization_id = $1"
        " AND bank_line_id = $2 AND ended_at IS NULL RETURNING batch_id",
        provider,
        line_id,
        *facts,
    )
    return batch_id


async def differing_claims(tx: Transaction, provider: UUID, most: int) -> list[Any]:
    """Return claims that were remitted otherwise than the last decision that they know says.

    A claim that was cancelled or replaced is expected to be paid nothing in the end.
    """
    return await tx.fetch(
        "SELECT * FROM (SELECT c.id, c.identifier_value, sum(l.payment) AS remitted,"
        " CASE WHEN c.status IN ('cancelled', 'replaced') THEN 0 ELSE coalesce((SELECT coalesce("
        "  (SELECT d.payer_share FROM claimlinc.decision d"
        "   WHERE d.provider_organization_id = c.organization_id AND d.id = a.payer_decision_id),"
        "  (SELECT sum(n.payer_share) FROM claimlinc.answer_line n WHERE n.organization_id = a.organization_id"
        "   AND n.claim_id = a.claim_id AND n.number = a.number), 0)"
        "  FROM claimlinc.answer a WHERE a.organization_id = c.organization_id AND a.claim_id = c.id"
        "   AND a.status IN ('approved', 'partial', 'rejected') ORDER BY a.number DESC LIMIT 1), 0) END AS expected"
        " FROM claimlinc.payment_batch b JOIN claimlinc.payment_line l"
        "  ON l.organization_id = b.organization_id AND l.batch_id = b.id"
        " JOIN claimlinc.decision o ON o.organization_id = l.organization_id AND o.id = l.decision_id"
        " JOIN claimlinc.claim c ON c.organization_id = l.provider_organization_id"
        "  AND c.identifier_system = o.identifier_system AND c.identifier_value = o.identifier_value"
        " WHERE b.provider_organization_id = $1 AND b.state IN ('sent', 'settled')"
        " GROUP BY c.organization_id, c.id, c.identifier_value, c.status"
        ") AS paid WHERE remitted <> expected ORDER BY id LIMIT $2",
        provider,
        most,
    )
