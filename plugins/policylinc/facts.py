"""All that an answer on a policy needs, read in one statement: questions come far more often than claims."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.wire import load
from policylinc.contract import Terms
from policylinc.persons import Person, blinds
from policylinc.policy_year import policy_year
from policylinc.records import Use
from policylinc.term_rows import TermRows, terms_sql
from policylinc.terms import build_terms
from policylinc.usage import Usage

# The policy of a number, and whom the patient may be: the one of several covers that holds on the day, else the latest.
_COVER = """
candidate AS MATERIALIZED (
    SELECT * FROM policylinc.covers_named($1, $6, $7, $8)
), cover AS (
    SELECT p.organization_id, m.id AS member_id, p.id AS policy_id, m.person_id, m.member_number, m.effective_from,
        m.effective_to, m.enrolled_by_simulator, m.birth_date, m.gender, m.relationship, p.product_id,
        d.code AS product, d.policy_type, p.policy_number, p.policy_class, p.network, p.status, p.effective_date,
        p.expiry_date, p.annual_limit, p.deductible, $4::uuid IS NULL AS anywhere
    FROM policylinc.policy p
    JOIN policylinc.product d ON d.organization_id = p.organization_id AND d.id = p.product_id
    LEFT JOIN LATERAL (
        SELECT m.* FROM candidate m WHERE m.policy_id = p.id
        ORDER BY ($3 BETWEEN m.effective_from AND m.effective_to) DESC, m.effective_from DESC, m.id LIMIT 1
    ) AS m ON true
    WHERE p.organization_id = $1 AND p.policy_number = $2
)
"""
_MORE = """
'elsewhere', cover.member_id IS NULL AND EXISTS (SELECT FROM candidate),
'balances', (
    SELECT coalesce(json_agg(json_build_object('policy_id', m.policy_id, 'policy_year', l.policy_year,
        'benefit', l.benefit, 'used', l.used, 'deductible_used', l.deductible_used, 'units_used', l.units_used,
        'days_used', l.days_used)), '[]')
    FROM policylinc.member m
    JOIN policylinc.balance l ON l.organization_id = m.organization_id AND l.member_id = m.id
    WHERE m.organization_id = $1 AND m.person_id = cover.person_id
),
"""
_SQL = terms_sql(_COVER, _MORE)


class YearUse(Use, frozen=True, kw_only=True):
    """What a person has used of a benefit in a year of a policy."""

    policy_id: UUID
    policy_year: date
    benefit: str


class Facts(TermRows, frozen=True, kw_only=True):
    """A policy of the number, who the patient was taken for, and what terms are built from.

    `elsewhere`: the payer insures the patient under another policy.
    """

    elsewhere: bool
    balances: tuple[YearUse, ...]

    def usage(self, day: date) -> Usage:
        """Return what the person has used of the policy's year and of their lifetime."""
        sums: tuple[defaultdict[str, Use], defaultdict[str, Use]] = defaultdict(Use), defaultdict(Use)
        this_year = self.policy.id, policy_year(self.policy.effective_date, day)
        for one in self.balances:
            for use in sums if (one.policy_id, one.policy_year) == this_year else sums[1:]:
                use[one.benefit] += one
        return Usage(*sums)

    def terms(self, day: date) -> Terms:
        """Return the terms on a day."""
        return build_terms(self, day, self.usage(day))


class Asked(NamedTuple):
    """What is asked for: a policy, a person, a day, at a provider, and the codes whose prices are wanted."""

    policy_number: str
    person: Person
    day: date
    provider: UUID | None = None
    codes: Sequence[str] = ()


async def read_facts(ctx: Context, tx: Transaction, reach: Collection[UUID], asked: Asked) -> list[Facts]:
    """Read what each payer in reach has under a policy number: a statement for each, and rarely there are two."""
    found = []
    for payer in sorted(reach):
        text = await tx.fetchval(
            _SQL,
            payer,
            asked.policy_number,
            asked.day,
            asked.provider if asked.provider not in reach else None,
            list(asked.codes),
            asked.person.member_number,
            asked.person.member_id,
            [blind for _, blind in blinds(ctx.vault, [payer], asked.person)],
        )
        if text is not None:
            found.append(load(text, Facts))
    return found


def choose(found: Sequence[Facts], own: Collection[UUID], day: date) -> Facts | None:
    """Choose the policy that is meant, by its member first; of several payers' the caller's `own`."""
    insured = [one for one in found if one.member is not None]
    if insured:
        return max(insured, key=lambda one: _rank(one, day))
    candidates = [one for one in found if one.policy.organization_id in own] or found
    return candidates[0] if len(candidates) == 1 else None


def _rank(facts: Facts, day: date) -> tuple[bool, date]:
    assert facts.member is not None, "only the insured are ranked"
    first, last = facts.member.effective_from, facts.member.effective_to
    return first <= day <= last, first
