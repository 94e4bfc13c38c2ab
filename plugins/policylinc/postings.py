"""The SQL of the ledger: balances are locked in the order of benefits, entries are appended, balances are their sum."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from masterlinc.db import Transaction
from masterlinc.ids import new_id
from policylinc.contract import BenefitUse
from policylinc.records import Use
from policylinc.terms import Cover


class EntryFigures(NamedTuple):
    """The figures of one entry."""

    benefit: str
    amount: Decimal
    deductible: Decimal


class Posting(NamedTuple):
    """What is posted of a decision."""

    decision_id: UUID
    kind: str
    entries: int


def sum_by_benefit(uses: Sequence[BenefitUse]) -> list[EntryFigures]:
    """Sum a decision's use by benefit, in the order in which balances are locked."""
    sums: dict[str, EntryFigures] = {}
    for use in uses:
        before = sums.get(use.benefit, EntryFigures(use.benefit, Decimal(0), Decimal(0)))
        sums[use.benefit] = EntryFigures(use.benefit, before.amount + use.amount, before.deductible + use.deductible)
    return [sums[benefit] for benefit in sorted(sums)]


async def lock_balances(tx: Transaction, cover: Cover, benefits: Sequence[str]) -> dict[str, Use]:
    """Make the rows that are missing, then lock all of the year in the order of benefits."""
    key = (cover.policy.organization_id, cover.member.id, cover.year)
    make = """
    INSERT INTO policylinc.balance (organization_id, member_id, policy_year, benefit, used, deductible_used)
    SELECT $1, $2, $3, benefit, 0, 0 FROM unnest($4::text[]) AS benefit ORDER BY benefit COLLATE "C"
    ON CONFLICT DO NOTHING
    """
    await tx.execute(make, *key, list(benefits))
    lock = """
    SELECT benefit, used, deductible_used FROM policylinc.balance
    WHERE organization_id = $1 AND member_id = $2 AND policy_year = $3
    ORDER BY benefit COLLATE "C" FOR NO KEY UPDATE
    """
    return {row["benefit"]: Use(row["used"], row["deductible_used"]) for row in await tx.fetch(lock, *key)}


async def open_posting(tx: Transaction, cover: Cover, posting: Posting, now: datetime) -> bool:
    """Say whether this is the first posting of its kind for the decision."""
    sql = """
    INSERT INTO policylinc.posting (organization_id, decision_id, kind, member_id, policy_year, entries, posted_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true
    """
    made = await tx.fetchval(
        sql,
        cover.policy.organization_id,
        posting.decision_id,
        posting.kind,
        cover.member.id,
        cover.year,
        posting.entries,
        now,
    )
    return made is not None


async def append_entries(
    tx: Transaction, cover: Cover, decision_id: UUID, kind: str, uses: Sequence[EntryFigures]
) -> None:
    """Append the entries and bring the balances to their sum."""
    sql = """
    WITH entry AS (
        INSERT INTO policylinc.benefit_entry
            (organization_id, id, decision_id, kind, member_id, policy_year, benefit, amount, deductible)
        SELECT $1, id, $4, $5, $2, $3, benefit, amount, deductible
        FROM unnest($6::uuid[], $7::text[], $8::numeric[], $9::numeric[]) AS u (id, benefit, amount, deductible)
        RETURNING benefit, amount, deductible
    )
    UPDATE policylinc.balance b SET used = b.used + e.amount, deductible_used = b.deductible_used + e.deductible
    FROM entry e
    WHERE b.organization_id = $1 AND b.member_id = $2 AND b.policy_year = $3 AND b.benefit = e.benefit
    """
    await tx.execute(
        sql,
        cover.policy.organization_id,
        cover.member.id,
        cover.year,
        decision_id,
        kind,
        [new_id() for _ in uses],
        [use.benefit for use in uses],
        [use.amount for use in uses],
        [use.deductible for use in uses],
    )


async def entries_of(tx: Transaction, payer: UUID, decision_id: UUID) -> list[EntryFigures]:
    """Return what a decision used."""
    sql = """
    SELECT benefit, amount, deductible FROM policylinc.benefit_entry
    WHERE organization_id = $1 AND decision_id = $2 AND kind = 'use' ORDER BY benefit COLLATE "C"
    """
    return [
        EntryFigures(row["benefit"], row["amount"], row["deductible"])
        for row in await tx.fetch(sql, payer, decision_id)
    ]
