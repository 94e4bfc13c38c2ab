"""Answering what a policy covers, and what is used of it."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from authlinc.contract import LoadOrganization, OrganizationInfo
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound
from masterlinc.ids import looks_like, show
from masterlinc.money import ZERO, money
from masterlinc.text import clean_identifier
from policylinc.classification import benefit_named
from policylinc.errors import AmbiguousPolicy, MemberNotFound, PolicyNotFound
from policylinc.facts import Facts, match, read_facts
from policylinc.patients import person_of
from policylinc.persons import Person
from policylinc.policy_year import last_day_of_year, policy_year
from policylinc.queries import members_in_year, used_by_policy
from policylinc.records import BenefitRow, MemberRow, PolicyRow, cover_status
from policylinc.schemas import BenefitView, PolicyCoverage
from policylinc.validation import payers_in_reach


class _Reading(NamedTuple):
    policy: PolicyRow
    member: MemberRow | None
    year: date
    benefits: list[BenefitRow]
    used: dict[str, Decimal]  # by benefit
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
    async with ctx.transaction(reach) as tx:
        facts = await read_facts(ctx, tx, (reach, policy_number), person, day)
        found = match(facts, ctx.principal.organizations, day)
        if found.policy is None:
            raise AmbiguousPolicy
        if member is not None and found.member is None:
            raise MemberNotFound
        reading = await _read(tx, facts, found.policy, found.member, day)
        tx.audit(
            "policy.coverage_read",
            "policy",
            show("POL", found.policy.id),
            organization_id=found.policy.organization_id,
            patient=found.member.id if found.member else None,
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


async def _read(tx: Transaction, facts: Facts, policy: PolicyRow, member: MemberRow | None, day: date) -> _Reading:
    within = min(max(day, policy.effective_date), policy.expiry_date)
    year = policy_year(policy.effective_date, within)
    benefits = facts.benefits_of(policy)
    if member is not None:
        own = {name: use.used for name, use in facts.used_by(member, year).items()}
        return _Reading(policy, member, year, benefits, own, 1)
    used = await used_by_policy(tx, policy, year)
    last_day = last_day_of_year(policy.effective_date, year)
    return _Reading(policy, None, year, benefits, used, await members_in_year(policy, year, last_day))


def _view(reading: _Reading, insurer: OrganizationInfo, day: date) -> PolicyCoverage:
    policy, member = reading.policy, reading.member
    used = money(sum(reading.used.values(), Decimal(0)))
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
        benefits=[_benefit_view(one, reading.used.get(one.benefit, ZERO)) for one in reading.benefits if one.covered],
        members=reading.members,
        member_annual_limit=money(policy.annual_limit),
        member_number=member.member_number if member else None,
    )


def _benefit_view(rule: BenefitRow, used: Decimal) -> BenefitView:
    named = benefit_named(rule.benefit)
    return BenefitView(
        benefit=rule.benefit,
        title=named.title,
        title_ar=named.title_ar,
        copay_percent=rule.copay_percent,
        copay_cap=None if rule.copay_cap is None else money(rule.copay_cap),
        limit=None if rule.year_limit is None else money(rule.year_limit),
        used=money(used),
        authorization_required=rule.authorization_required,
        authorization_above=None if rule.authorization_above is None else money(rule.authorization_above),
    )
