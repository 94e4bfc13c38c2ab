"""The SQL of corrections and cancellations, on the provider's side and on the payer's."""

from datetime import datetime
from typing import Any
from uuid import UUID

from masterlinc.db.transaction import Transaction

# The provider's side ------------------------------------------------------------------------------


async def lock_by_number(tx: Transaction, organization: UUID, system: str, value: str) -> Any:
    """Lock an organization's claim by its business key and return it, or None."""
    return await tx.fetchrow(
        "SELECT id, use, status, payer_organization_id, payer_license FROM claimlinc.claim"
        " WHERE organization_id = $1 AND identifier_system = $2 AND identifier_value = $3 FOR NO KEY UPDATE",
        organization,
        system,
        value,
    )


async def standing_correction(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return the claim that corrects this one, or None; one that was refused does not stand."""
    return await tx.fetchrow(
        "SELECT c.id, c.identifier_system, c.identifier_value, k.state FROM claimlinc.claim_correction k"
        " JOIN claimlinc.claim c ON c.organization_id = k.organization_id AND c.id = k.by_claim_id"
        " WHERE k.organization_id = $1 AND k.claim_id = $2 AND k.state <> 'failed'",
        organization,
        claim_id,
    )


async def add_correction(tx: Transaction, organization: UUID, claim_id: UUID, by: UUID, at: datetime) -> None:
    """Note that a claim was sent to correct another one."""
    await tx.execute(
        "INSERT INTO claimlinc.claim_correction (organization_id, claim_id, by_claim_id, state, asked_at)"
        " VALUES ($1, $2, $3, 'asked', $4)",
        organization,
        claim_id,
        by,
        at,
    )


async def end_corrections(tx: Transaction, organization: UUID, by: UUID, state: str, at: datetime) -> list[UUID]:
    """End what a claim was sent for and return the claims that it corrects."""
    rows = await tx.fetch(
        "UPDATE claimlinc.claim_correction SET state = $3, ended_at = $4"
        " WHERE organization_id = $1 AND by_claim_id = $2 AND state = 'asked' RETURNING claim_id",
        organization,
        by,
        state,
        at,
    )
    return sorted(row["claim_id"] for row in rows)


async def corrected_by(tx: Transaction, organization: UUID, claim_id: UUID) -> UUID | None:
    """Return the number of the claim that corrects this one."""
    found = await standing_correction(tx, organization, claim_id)
    return found["id"] if found else None


async def corrected(tx: Transaction, organization: UUID, claim_id: UUID) -> list[UUID]:
    """Return the claims that a claim corrects."""
    rows = await tx.fetch(
        "SELECT claim_id FROM claimlinc.claim_correction WHERE organization_id = $1 AND by_claim_id = $2"
        " ORDER BY claim_id",
        organization,
        claim_id,
    )
    return [row["claim_id"] for row in rows]


# The payer's side ---------------------------------------------------------------------------------


async def decisions_of(tx: Transaction, payer: UUID, number: tuple[str, str, str], provider: UUID | None) -> list[Any]:
    """Return the decisions on a submission, the first one first, each with what ended it.

    `number` is the provider's licence, and system and value of the identifier.
    """
    return await tx.fetch(
        "SELECT d.id, d.use, d.outcome, e.kind AS ended, b.identifier_value AS ended_by"
        " FROM claimlinc.decision d"
        " LEFT JOIN claimlinc.decision_end e ON e.organization_id = d.organization_id AND e.decision_id = d.id"
        " LEFT JOIN claimlinc.decision b ON b.organization_id = e.organization_id AND b.id = e.by_decision_id"
        " WHERE d.organization_id = $1 AND d.provider_license = $2 AND d.identifier_system = $3"
        " AND d.identifier_value = $4 AND d.provider_organization_id IS NOT DISTINCT FROM $5 ORDER BY d.number",
        payer,
        *number,
        provider,
    )


async def end_decision(tx: Transaction, row: tuple[Any, ...]) -> None:
    """Note what ended a decision: payer, decision, provider, kind, the other decision, reason and time."""
    await tx.execute(
        "INSERT INTO claimlinc.decision_end"
        " (organization_id, decision_id, provider_organization_id, kind, by_decision_id, reason, ended_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *row,
    )
