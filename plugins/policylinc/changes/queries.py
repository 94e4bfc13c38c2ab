"""Reads of what documents speak of, on the open transaction."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction


async def product(tx: Transaction, payer: UUID, code: str) -> Any:
    """Return a product by its code."""
    sql = "SELECT id, name, name_ar, policy_type FROM policylinc.product WHERE organization_id = $1 AND code = $2"
    return await tx.fetchrow(sql, payer, code)


async def classes(tx: Transaction, payer: UUID, product_id: UUID) -> frozenset[str]:
    """Return the classes of a product."""
    sql = "SELECT policy_class FROM policylinc.product_class WHERE organization_id = $1 AND product_id = $2"
    return frozenset(row["policy_class"] for row in await tx.fetch(sql, payer, product_id))


async def networks(tx: Transaction, payer: UUID, codes: Sequence[str]) -> frozenset[str]:
    """Return those of the codes that networks of the payer have."""
    sql = "SELECT code FROM policylinc.network WHERE organization_id = $1 AND code = ANY ($2)"
    return frozenset(row["code"] for row in await tx.fetch(sql, payer, list(codes)))


async def network(tx: Transaction, payer: UUID, code: str) -> Any:
    """Return a network by its code."""
    sql = "SELECT code, name, name_ar FROM policylinc.network WHERE organization_id = $1 AND code = $2"
    return await tx.fetchrow(sql, payer, code)


async def benefit_names(tx: Transaction, payer: UUID) -> frozenset[str]:
    """Return the names of all benefits that the payer ever granted."""
    sql = "SELECT DISTINCT benefit FROM policylinc.benefit WHERE organization_id = $1"
    return frozenset(row["benefit"] for row in await tx.fetch(sql, payer))


async def policy(tx: Transaction, payer: UUID, policy_number: str) -> Any:
    """Return a policy by its number."""
    sql = """
    SELECT p.id, p.policy_number, d.code AS product, p.policy_class, p.holder, p.effective_date, p.expiry_date,
        p.status, p.annual_limit, p.deductible, p.network
    FROM policylinc.policy p
    JOIN policylinc.product d ON d.organization_id = p.organization_id AND d.id = p.product_id
    WHERE p.organization_id = $1 AND p.policy_number = $2
    """
    return await tx.fetchrow(sql, payer, policy_number)


async def contract(tx: Transaction, payer: UUID, code: str) -> Any:
    """Return a contract by its code."""
    sql = """
    SELECT id, provider_organization_id, percent_of_billed, effective_from, effective_to
    FROM policylinc.contract WHERE organization_id = $1 AND code = $2
    """
    return await tx.fetchrow(sql, payer, code)


async def contract_before(tx: Transaction, payer: UUID, provider: UUID | None, day: date) -> UUID | None:
    """Return the open contract with a provider that began before a day: a new one takes its place."""
    sql = """
    SELECT id FROM policylinc.contract
    WHERE organization_id = $1 AND provider_organization_id IS NOT DISTINCT FROM $2
        AND effective_from < $3 AND effective_to IS NULL
    """
    found: UUID | None = await tx.fetchval(sql, payer, provider, day)
    return found


async def wait_for_turn(tx: Transaction, payer: UUID) -> None:
    """Let one change of a payer's terms at a time go on, until the transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", f"policylinc.change {payer}")


_PROPOSAL = """organization_id, id, kind, subject, effective_from, content::text, difference::text, base, reason,
    status, proposed_by, proposed_at, decided_by, decided_at, decision_note"""
# In a list without the document and its items, which may be long.
PROPOSALS = """
SELECT organization_id, id, kind, subject, effective_from, (difference || '{"items": []}')::text AS difference, reason,
    status, proposed_by, proposed_at, decided_by, decided_at, decision_note
FROM policylinc.proposal
WHERE organization_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR kind = $3)
ORDER BY id DESC
"""


async def proposal(tx: Transaction, payer: UUID, proposal_id: UUID) -> Any:
    """Return a proposal."""
    sql = f"SELECT {_PROPOSAL} FROM policylinc.proposal WHERE organization_id = $1 AND id = $2"  # noqa: S608 - our own columns
    return await tx.fetchrow(sql, payer, proposal_id)


async def lock_proposal(tx: Transaction, payer: UUID, proposal_id: UUID) -> Any:
    """Return a proposal that nobody else decides until the transaction ends."""
    sql = f"SELECT {_PROPOSAL} FROM policylinc.proposal WHERE organization_id = $1 AND id = $2 FOR UPDATE"  # noqa: S608 - our own columns
    return await tx.fetchrow(sql, payer, proposal_id)


async def insert_proposal(tx: Transaction, *values: Any) -> Any:
    """Insert a proposal that waits; returns it."""
    sql = f"""
    INSERT INTO policylinc.proposal (organization_id, id, kind, subject, effective_from, content, difference, base,
        reason, status, proposed_by, proposed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'proposed', $10, $11) RETURNING {_PROPOSAL}
    """  # noqa: S608 - our own columns
    return await tx.fetchrow(sql, *values)


async def decide_proposal(tx: Transaction, *values: Any) -> Any:
    """Write what became of a proposal; returns it."""
    sql = f"""
    UPDATE policylinc.proposal SET status = $3, decided_by = $4, decided_at = $5, decision_note = $6
    WHERE organization_id = $1 AND id = $2 RETURNING {_PROPOSAL}
    """  # noqa: S608 - our own columns
    return await tx.fetchrow(sql, *values)
