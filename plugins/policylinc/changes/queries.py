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
