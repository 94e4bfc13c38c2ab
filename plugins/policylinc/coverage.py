"""Answering what a policy covers, and what is used of it."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from authlinc.contract import LoadOrganization, OrganizationInfo
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound
from masterlinc.ids import looks_like, show
from masterlinc.money import ZERO, money
from masterlinc.security.principal import NOBODY
from masterlinc.text import clean_identifier
from policylinc.classification import benefit_named
from policylinc.contract import BenefitLimit, LimitKind, LimitPer
from policylinc.errors import AmbiguousPolicy, MemberNotFound, PolicyNotFound
from policylinc.facts import Asked, Facts, choose, read_facts
from policylinc.patients import person_of
from policylinc.persons import Person
from policylinc.policy_year import last_day_of_year, policy_year
from policylinc.queries import members_in_year, used_by_policy
from policylinc.records import MemberRow, PolicyRow, cover_status
from policylinc.schemas import BenefitView, LimitView, PolicyCoverage
from policylinc.term_rows import GrantRow
from policylinc.usage import Usage
from policylinc.validation import payers_in_reach


class _Reading(NamedTuple):
    policy: PolicyRow
    member: MemberRow | None
    year: date
    benefits: tuple[GrantRow, ...]
    used: Usage
    members: int


async def policy_coverage(ctx: Context, policy_number: str, member: str | None) -> PolicyCoverage:
    """Return a policy with its use in the policy year, a member's own where one is named; audited at the payer."""
    day = today(ctx.clock)
    _readable(policy_number, PolicyNotFound)
    if member is not None:
        _readable(member, MemberNotFound)
    reach = await payers_in_reach(ctx, policy_number)
    if not reach:
        raise PolicyNotFound
    person = await _person(ctx, member)
    home = ctx.principal.organization_id
    asked = Asked(policy_number, person, day, None if home == NOBODY else home)
    async with ctx.transaction(reach) as tx:
        facts = await _facts(ctx, tx, reach, asked)
        if member is not None and facts.member is None:
            raise MemberNotFound
        reading = await _read(tx, facts, day)
        tx.audit(
            "policy.coverage_read",
            "policy",
            show("POL", facts.policy.id),
            organization_id=facts.policy.organization_id,
            patient=facts.member.id if facts.member else None,
        )
    insurer = await ctx.call(LoadOrganization(reading.policy.organization_id), OrganizationInfo)
    return _view(reading, insurer, day)


def _readable(number: str, unknown: type[NotFound]) -> None:
    """Raise `unknown` for what no number looks like: an address may carry any character."""
    try:
        clean_identifier(number)
    except ValueError:
        raise unknown from None


async def _person(ctx: Context, member: str | None) -> Person:
    """Read a member or patient number; identity numbers have no place in an address that servers log."""
    if member is None:
        return Person()
    return await person_of(ctx, member) if looks_like("MBR", member) or looks_like("PAT", member) else Person(member)


async def _facts(ctx: Context, tx: Transaction, reach: frozenset[UUID], asked: Asked) -> Facts:
    """Read the policy as it is today; one that is over or still to come as on its last or first day."""
    facts = choose(await read_facts(ctx, tx, reach, asked), ctx.principal.organizations, asked.day)
    if facts is None:
        raise AmbiguousPolicy
    within = _within(facts.policy, asked.day)
    if within == asked.day:
        return facts
    only = frozenset({facts.policy.organization_id})
    (there,) = await read_facts(ctx, tx, only, asked._replace(day=within))
    return there


def _within(policy: PolicyRow, day: date) -> date:
    return min(max(day, policy.effective_date), policy.expiry_date)


async def _read(tx: Transaction, facts: Facts, day: date) -> _Reading:
    policy, member, within = facts.policy, facts.member, _within(facts.policy, day)
    year = policy_year(policy.effective_date, within)
    if member is not None:
        return _Reading(policy, member, year, facts.benefits, facts.usage(within), 1)
    used = Usage(await used_by_policy(tx, policy, year), {})
    last_day = last_day_of_year(policy.effective_date, year)
    return _Reading(policy, None, year, facts.benefits, used, await members_in_year(policy, year, last_day))


def _view(reading: _Reading, insurer: OrganizationInfo, day: date) -> PolicyCoverage:
    policy, member = reading.policy, reading.member
    used = money(reading.used.total().used)
    by_benefit = reading.used.with_sub_benefits({one.benefit: one.parent for one in reading.benefits})
    limit = money(policy.annual_limit * max(reading.members, 1))
    return PolicyCoverage(
        policy_number=policy.policy_number,
        policy_type=policy.policy_type,
        insurer=insurer.name,
        insurer_ar=insurer.name_ar,
        status=cover_status(policy, member, day),
        policy_class=policy.policy_class,
        network=policy.network,
        effective_date=policy.effective_date,
        expiry_date=policy.expiry_date,
        policy_year=reading.year,
        annual_limit=limit,
        used_amount=used,
        remaining_amount=money(max(limit - used, ZERO)),
        covered_services=[benefit.benefit for benefit in reading.benefits if benefit.covered],
        benefits=[_benefit_view(one, by_benefit, member) for one in reading.benefits if one.covered],
        members=reading.members,
        member_annual_limit=money(policy.annual_limit),
        member_number=member.member_number if member else None,
    )


def _benefit_view(rule: GrantRow, used: Usage, member: MemberRow | None) -> BenefitView:
    named = benefit_named(rule.benefit)
    return BenefitView(
        benefit=rule.benefit,
        title=named.title,
        title_ar=named.title_ar,
        copay_percent=rule.copay_percent,
        copay_cap=None if rule.copay_cap is None else money(rule.copay_cap),
        limit=None if rule.year_limit is None else money(rule.year_limit),
        used=money(used.of(rule.benefit, LimitKind.AMOUNT, LimitPer.YEAR)),
        authorization_required=rule.authorization_required,
        authorization_above=None if rule.authorization_above is None else money(rule.authorization_above),
        copay_cap_per=rule.copay_cap_per,
        parent=rule.parent,
        waiting_days=rule.waiting_days,
        limits=[_limit_view(one, used.of(rule.benefit, one.kind, one.per), member) for one in rule.limits],
    )


def _limit_view(limit: BenefitLimit, used: Decimal, member: MemberRow | None) -> LimitView:
    """Return a limit; each member has it for themselves, so its use is told of one member alone."""
    if member is None:
        return LimitView(kind=limit.kind, per=limit.per, value=limit.value, used=None, left=None)
    left = max(limit.value - used, Decimal(0))
    return LimitView(kind=limit.kind, per=limit.per, value=limit.value, used=used, left=left)
