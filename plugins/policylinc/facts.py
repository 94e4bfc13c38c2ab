"""All that an answer on a policy needs, read in one statement: questions come far more often than claims."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.wire import load
from policylinc.matching import best_of
from policylinc.persons import Person, blinds
from policylinc.records import BenefitRow, MemberRow, PolicyRow, Use

_SQL = """
WITH policy AS (
    SELECT p.organization_id, p.id, p.product_id, d.code AS product, d.policy_type, p.policy_number, p.policy_class,
        p.network, p.status, p.effective_date, p.expiry_date, p.annual_limit, p.deductible
    FROM policylinc.policy p
    JOIN policylinc.product d ON d.organization_id = p.organization_id AND d.id = p.product_id
    WHERE p.organization_id = ANY ($1) AND p.policy_number = $2
), named AS (
    SELECT organization_id, id FROM policylinc.member
    WHERE organization_id = ANY ($1) AND member_number = $3
    UNION ALL
    SELECT organization_id, id FROM policylinc.member
    WHERE organization_id = ANY ($1) AND id = $4
), found AS (
    SELECT * FROM named
    UNION
    SELECT m.organization_id, m.id
    FROM unnest($5::uuid[], $6::bytea[]) AS wanted (organization_id, blind)
    JOIN policylinc.member_identifier i USING (organization_id, blind)
    JOIN policylinc.member c ON c.organization_id = i.organization_id AND c.id = i.member_id
    JOIN policylinc.member m ON m.organization_id = c.organization_id AND m.person_id = c.person_id
    WHERE NOT EXISTS (SELECT FROM named)
), member AS (
    SELECT m.organization_id, m.id, m.policy_id, m.person_id, m.member_number, m.effective_from, m.effective_to,
        m.enrolled_by_simulator
    FROM found JOIN policylinc.member m USING (organization_id, id)
), benefit AS (
    SELECT p.id AS policy_id, b.benefit, b.rule_id, b.version, b.effective_from, b.covered, b.copay_percent,
        b.copay_cap, b.year_limit, b.authorization_required, b.authorization_above
    FROM policy p
    JOIN policylinc.benefit b ON b.organization_id = p.organization_id AND b.product_id = p.product_id
        AND b.policy_class = p.policy_class
    CROSS JOIN LATERAL (SELECT least(greatest($7::date, p.effective_date), p.expiry_date) AS day) AS within
    WHERE b.withdrawn_on IS NULL AND b.effective_from <= within.day
        AND (b.effective_to IS NULL OR b.effective_to >= within.day)
), balance AS (
    SELECT l.member_id, l.policy_year, l.benefit, l.used, l.deductible_used
    FROM member m
    JOIN policy p ON p.organization_id = m.organization_id AND p.id = m.policy_id
    JOIN policylinc.balance l ON l.organization_id = m.organization_id AND l.member_id = m.id
)
SELECT json_build_object(
    'policies', (SELECT coalesce(json_agg(r ORDER BY r.organization_id), '[]') FROM policy AS r),
    'members', (SELECT coalesce(json_agg(r ORDER BY r.effective_from DESC, r.id), '[]') FROM member AS r),
    'benefits', (SELECT coalesce(json_agg(r ORDER BY r.benefit COLLATE "C"), '[]') FROM benefit AS r),
    'balances', (SELECT coalesce(json_agg(r), '[]') FROM balance AS r)
)::text
"""


class PolicyBenefit(BenefitRow, frozen=True, kw_only=True):
    """A benefit that a policy grants on the day asked for, or on its nearest day."""

    policy_id: UUID


class YearUse(Struct, frozen=True):
    """What a member has used of a benefit in a policy year."""

    member_id: UUID
    policy_year: date
    benefit: str
    used: Decimal
    deductible_used: Decimal


class Facts(Struct, frozen=True):
    """The policies of a number, whom the patient may be, and what they have."""

    policies: tuple[PolicyRow, ...]
    members: tuple[MemberRow, ...]
    benefits: tuple[PolicyBenefit, ...]
    balances: tuple[YearUse, ...]

    def benefits_of(self, policy: PolicyRow) -> list[BenefitRow]:
        """Return what a policy grants."""
        return [benefit for benefit in self.benefits if benefit.policy_id == policy.id]

    def used_by(self, member: MemberRow | None, year: date) -> dict[str, Use]:
        """Return what a member has used in a policy year, by benefit."""
        own = (one for one in self.balances if member and (one.member_id, one.policy_year) == (member.id, year))
        return {one.benefit: Use(one.used, one.deductible_used) for one in own}


class Match(Struct, frozen=True):
    """A policy and whom the patient was taken for; `elsewhere`: insured by the payer under another policy."""

    policy: PolicyRow | None
    member: MemberRow | None = None
    elsewhere: bool = False


async def read_facts(
    ctx: Context, tx: Transaction, where: tuple[Collection[UUID], str], person: Person, day: date
) -> Facts:
    """Read the facts on a policy number at some payers."""
    reach, policy_number = where
    pairs = blinds(ctx.vault, sorted(reach), person)
    text = await tx.fetchval(
        _SQL,
        list(reach),
        policy_number,
        person.member_number,
        person.member_id,
        [payer for payer, _ in pairs],
        [blind for _, blind in pairs],
        day,
    )
    return load(text, Facts)


def match(facts: Facts, own: Collection[UUID], day: date) -> Match:
    """Choose the policy that is meant, by its member first; of several payers' the caller's `own`."""
    by_id = {policy.id: policy for policy in facts.policies}
    member = best_of([one for one in facts.members if one.policy_id in by_id], day)
    if member is not None:
        return Match(by_id[member.policy_id], member)
    candidates = [policy for policy in facts.policies if policy.organization_id in own] or facts.policies
    if len(candidates) != 1:
        return Match(None)
    policy = candidates[0]
    return Match(policy, None, any(one.organization_id == policy.organization_id for one in facts.members))
