"""The SQL of the ledger: a person is locked, entries are appended, and the database keeps balances as their sum."""

from collections import defaultdict
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
from policylinc.usage import Usage


class EntryFigures(NamedTuple):
    """The figures of one entry."""

    benefit: str
    amount: Decimal
    deductible: Decimal
    units: Decimal
    days: Decimal

    def reversed(self) -> "EntryFigures":
        """Return the figures that take these back."""
        return EntryFigures(self.benefit, -self.amount, -self.deductible, -self.units, -self.days)


class Posting(NamedTuple):
    """What is posted of a decision."""

    decision_id: UUID
    kind: str
    entries: int


def sum_by_benefit(uses: Sequence[BenefitUse]) -> list[EntryFigures]:
    """Sum a decision's use by benefit, in the order of their names."""
    sums: dict[str, EntryFigures] = {}
    for use in uses:
        before = sums.get(use.benefit, EntryFigures(use.benefit, *[Decimal(0)] * 4))
        sums[use.benefit] = EntryFigures(
            use.benefit,
            before.amount + use.amount,
            before.deductible + use.deductible,
            before.units + use.count,
            before.days + use.days,
        )
    return [sums[benefit] for benefit in sorted(sums)]


async def lock_person(tx: Transaction, cover: Cover) -> None:
    """Wait for whoever decides on this person: limits of a lifetime bind the claims of all policy years."""
    sql = "SELECT FROM policylinc.member WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE"
    await tx.execute(sql, cover.policy.organization_id, cover.member.person_id)


async def usage_of(tx: Transaction, cover: Cover) -> Usage:
    """Return what a person has used; whoever decides by it has locked the person in an earlier statement."""
    sql = """
    SELECT m.policy_id, l.policy_year, l.benefit, l.used, l.deductible_used, l.units_used, l.days_used
    FROM policylinc.member m
    JOIN policylinc.balance l ON l.organization_id = m.organization_id AND l.member_id = m.id
    WHERE m.organization_id = $1 AND m.person_id = $2
    """
    year: defaultdict[str, Use] = defaultdict(Use)
    lifetime: defaultdict[str, Use] = defaultdict(Use)
    for row in await tx.fetch(sql, cover.policy.organization_id, cover.member.person_id):
        use = Use(row["used"], row["deductible_used"], row["units_used"], row["days_used"])
        lifetime[row["benefit"]] += use
        if (row["policy_id"], row["policy_year"]) == (cover.policy.id, cover.year):  # who left and came back goes on
            year[row["benefit"]] += use
    return Usage(year, lifetime)


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
    """Append the entries; a trigger brings the balances to their sum."""
    sql = (
        "INSERT INTO policylinc.benefit_entry (organization_id, id, decision_id, kind, member_id, policy_year, benefit,"
        " amount, deductible, units, days) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    )
    key = (cover.member.id, cover.year)
    rows = [(cover.policy.organization_id, new_id(), decision_id, kind, *key, *use) for use in uses]
    await tx.executemany(sql, rows)


async def entries_of(tx: Transaction, payer: UUID, decision_id: UUID) -> list[EntryFigures]:
    """Return what a decision used."""
    sql = """
    SELECT benefit, amount, deductible, units, days FROM policylinc.benefit_entry
    WHERE organization_id = $1 AND decision_id = $2 AND kind = 'use' ORDER BY benefit COLLATE "C"
    """
    return [EntryFigures(**row) for row in await tx.fetch(sql, payer, decision_id)]
