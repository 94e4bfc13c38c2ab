"""Reads; every one names the organization, and row-level security backs it.

Raw where a claim or a question waits for it, and where it joins; the rest asks the tables, on the open transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction
from policylinc.records import ClassRow, MemberRow, PolicyRow, PostingRow, Use
from policylinc.tables import Contract, Member, Posting

_POLICY = """
SELECT p.organization_id, p.id, p.product_id, d.code AS product, d.policy_type, p.policy_number, p.policy_class,
    p.network, p.status, p.effective_date, p.expiry_date, p.annual_limit, p.deductible
FROM policylinc.policy p
JOIN policylinc.product d ON d.organization_id = p.organization_id AND d.id = p.product_id
"""
_MEMBER = """
SELECT m.organization_id, m.id, m.policy_id, m.person_id, m.member_number, m.effective_from, m.effective_to,
    m.enrolled_by_simulator
FROM policylinc.member m
"""


# What is known of member `m` on the day $2.
KNOWN = """
CROSS JOIN LATERAL (
    (SELECT c.name, c.birth_date, c.gender, c.relationship, c.sponsor_id FROM policylinc.member_change c
    WHERE c.organization_id = m.organization_id AND c.member_id = m.id AND c.effective_from <= $2
    ORDER BY c.effective_from DESC, c.id DESC LIMIT 1)
    UNION ALL
    SELECT m.name, m.birth_date, m.gender, m.relationship, m.sponsor_id
    LIMIT 1
) AS d
"""


async def payers_of_policy(source: Any, policy_number: str) -> frozenset[UUID]:
    """Return the payers that have a policy of this number, by a connection or transaction: ids only, in any scope."""
    return frozenset(
        row[0] for row in await source.fetch("SELECT * FROM policylinc.payers_of_policy($1)", policy_number)
    )


async def payers(tx: Transaction) -> frozenset[UUID]:
    """Return every payer that has a product: ids only, in any scope."""
    return frozenset(row[0] for row in await tx.fetch("SELECT * FROM policylinc.payers()"))


async def policies_by_number(tx: Transaction, payer_ids: Iterable[UUID], policy_number: str) -> list[PolicyRow]:
    """Return the policies of this number at some payers."""
    where = "WHERE p.organization_id = ANY ($1) AND p.policy_number = $2 ORDER BY p.organization_id"
    return [PolicyRow(**row) for row in await tx.fetch(_POLICY + where, list(payer_ids), policy_number)]


async def policy_by_id(tx: Transaction, payer: UUID, policy_id: UUID) -> PolicyRow | None:
    """Return a policy."""
    row = await tx.fetchrow(_POLICY + "WHERE p.organization_id = $1 AND p.id = $2", payer, policy_id)
    return PolicyRow(**row) if row else None


# A class with what it grants on a day ($2); before its first version, that one is taken.
_CLASS = """
SELECT c.product_id, d.code AS product, c.policy_class, t.network, t.annual_limit, t.deductible
FROM policylinc.product_class c
JOIN policylinc.product d ON d.organization_id = c.organization_id AND d.id = c.product_id
JOIN LATERAL (
    SELECT v.network, v.annual_limit, v.deductible FROM policylinc.class_terms v
    WHERE v.organization_id = c.organization_id AND v.product_id = c.product_id AND v.policy_class = c.policy_class
        AND v.withdrawn_on IS NULL
    ORDER BY v.effective_from <= $2 DESC, abs($2 - v.effective_from) LIMIT 1
) t ON true
"""


async def class_of_product(tx: Transaction, payer: UUID, of: tuple[str, str], day: date) -> ClassRow | None:
    """Return a (product, class) by their codes, as a policy is sold that begins on a day."""
    where = "WHERE c.organization_id = $1 AND d.code = $3 AND c.policy_class = $4"
    row = await tx.fetchrow(_CLASS + where, payer, day, *of)
    return ClassRow(**row) if row else None


async def class_to_enrol_in(
    tx: Transaction, payer: UUID, product: str, classes: Sequence[str], day: date
) -> ClassRow | None:
    """Return the first of these classes that a product has, else any; without the product the payer's oldest."""
    where = """
    WHERE c.organization_id = $1
    ORDER BY (d.code = $3) DESC, d.created_at, d.code,
        array_position($4::text[], c.policy_class) NULLS LAST, c.policy_class
    LIMIT 1
    """
    row = await tx.fetchrow(_CLASS + where, payer, day, product, list(classes))
    return ClassRow(**row) if row else None


async def member_by_id(tx: Transaction, payer: UUID, member_id: UUID) -> MemberRow | None:
    """Return a member."""
    row = await tx.fetchrow(_MEMBER + "WHERE m.organization_id = $1 AND m.id = $2", payer, member_id)
    return MemberRow(**row) if row else None


async def members_by_number(tx: Transaction, payer_ids: Iterable[UUID], member_number: str) -> list[MemberRow]:
    """Return the members of this number at some payers, the latest cover first."""
    where = "WHERE m.organization_id = ANY ($1) AND m.member_number = $2 ORDER BY m.effective_from DESC, m.id"
    return [MemberRow(**row) for row in await tx.fetch(_MEMBER + where, list(payer_ids), member_number)]


async def members_by_blind(tx: Transaction, blinds: Sequence[tuple[UUID, bytes]]) -> list[MemberRow]:
    """Return the covers of who carries one of these (payer, blind index) pairs, the latest first."""
    where = """
    WHERE (m.organization_id, m.person_id) IN (
        SELECT c.organization_id, c.person_id
        FROM unnest($1::uuid[], $2::bytea[]) AS wanted (organization_id, blind)
        JOIN policylinc.member_identifier i USING (organization_id, blind)
        JOIN policylinc.member c ON c.organization_id = i.organization_id AND c.id = i.member_id
    ) ORDER BY m.effective_from DESC, m.id
    """
    rows = await tx.fetch(_MEMBER + where, [payer for payer, _ in blinds], [blind for _, blind in blinds])
    return [MemberRow(**row) for row in rows]


async def birth_and_gender(tx: Transaction, member: MemberRow, day: date) -> tuple[date | None, str | None]:
    """Return a member's day of birth and gender as known on a day."""
    sql = f"SELECT d.birth_date, d.gender FROM policylinc.member m {KNOWN} WHERE m.organization_id = $1 AND m.id = $3"  # noqa: S608
    row = await tx.fetchrow(sql, member.organization_id, day, member.id)
    return row["birth_date"], row["gender"]


async def children_of(tx: Transaction, mother: MemberRow, born: date, day: date) -> list[MemberRow]:
    """Return the covers of a member's own dependants who were born on a day; `day` says as known when."""
    sql = f"""
    {_MEMBER}
    {KNOWN}
    WHERE m.organization_id = $1 AND d.sponsor_id = $3 AND d.birth_date = $4 AND m.id IN (
        SELECT id FROM policylinc.member WHERE organization_id = $1 AND sponsor_id = $3
        UNION SELECT member_id FROM policylinc.member_change WHERE organization_id = $1 AND sponsor_id = $3
    ) ORDER BY m.effective_from DESC, m.id
    """  # noqa: S608 - our own text
    rows = await tx.fetch(sql, mother.organization_id, day, mother.person_id, born)
    return [MemberRow(**row) for row in rows]


async def person_of_number(tx: Transaction, payer: UUID, member_number: str) -> UUID | None:
    """Return whose a member number is or was."""
    sql = "SELECT person_id FROM policylinc.member WHERE organization_id = $1 AND member_number = $2 LIMIT 1"
    person: UUID | None = await tx.fetchval(sql, payer, member_number)
    return person


async def blinds_of(tx: Transaction, member: MemberRow) -> frozenset[bytes]:
    """Return the blind indexes that a member carries; identifiers stay with a person over renewals."""
    sql = """
    SELECT i.blind FROM policylinc.member m
    JOIN policylinc.member_identifier i ON i.organization_id = m.organization_id AND i.member_id = m.id
    WHERE m.organization_id = $1 AND m.person_id = $2
    """
    return frozenset(row["blind"] for row in await tx.fetch(sql, member.organization_id, member.person_id))


async def contract_of_code(payer: UUID, code: str) -> UUID | None:
    """Return the key of a contract by its code."""
    found = await Contract.select(Contract.id).where(Contract.organization_id == payer, Contract.code == code).first()
    return found["id"] if found else None


async def posting_of(payer: UUID, decision_id: UUID) -> PostingRow | None:
    """Return the posting of what a decision used."""
    found = (
        await Posting.select(Posting.member_id, Posting.policy_year)
        .where(Posting.organization_id == payer, Posting.decision_id == decision_id, Posting.kind == "use")
        .first()
    )
    return PostingRow(**found) if found else None


async def members_in_year(policy: PolicyRow, first_day: date, last_day: date) -> int:
    """Count who was a member of a policy on any day of a policy year."""
    total = await Member.count().where(
        Member.organization_id == policy.organization_id,
        Member.policy_id == policy.id,
        Member.effective_from <= last_day,
        Member.effective_to >= first_day,
    )
    return int(total)


async def used_by_policy(tx: Transaction, policy: PolicyRow, year: date) -> dict[str, Use]:
    """Return what the members of a policy have used together in a policy year, by benefit."""
    sql = """
    SELECT b.benefit, sum(b.used) AS used, sum(b.deductible_used) AS deductible_used,
        sum(b.units_used) AS units_used, sum(b.days_used) AS days_used
    FROM policylinc.member m
    JOIN policylinc.balance b ON b.organization_id = m.organization_id AND b.member_id = m.id
    WHERE m.organization_id = $1 AND m.policy_id = $2 AND b.policy_year = $3
    GROUP BY b.benefit
    """
    rows = await tx.fetch(sql, policy.organization_id, policy.id, year)
    return {row["benefit"]: Use(*(row[name] for name in Use.__struct_fields__)) for row in rows}
