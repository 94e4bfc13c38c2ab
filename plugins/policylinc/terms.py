"""A payer's terms for a member on a day, built from what was read."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from masterlinc.money import money
from policylinc.contract import BenefitTerm, LimitKind, LimitPer, Price, Terms
from policylinc.records import BenefitRow, ContractRow, MemberRow, PolicyRow, PriceRow, cover_dates, cover_status
from policylinc.usage import Usage


class Cover(NamedTuple):
    """A member under a policy, in one of its years."""

    policy: PolicyRow
    member: MemberRow
    year: date


class Agreed(NamedTuple):
    """The contract that holds, and its prices."""

    contract: ContractRow | None
    prices: list[PriceRow]


def build_terms(cover: Cover, day: date, benefits: Sequence[BenefitRow], used: Usage, agreed: Agreed) -> Terms:
    """Build the terms that a decision needs."""
    policy, member = cover.policy, cover.member
    first, last = cover_dates(policy, member)
    total = used.total()
    return Terms(
        payer_organization_id=policy.organization_id,
        member_id=member.id,
        policy_id=policy.id,
        policy_number=policy.policy_number,
        policy_class=policy.policy_class,
        product=policy.product,
        status=cover_status(policy, member, day),
        effective_date=first,
        expiry_date=last,
        annual_limit=money(policy.annual_limit),
        annual_used=money(total.used),
        deductible=money(policy.deductible),
        deductible_used=money(total.deductible_used),
        benefits=tuple(_term(benefit, used) for benefit in benefits),
        prices=tuple(Price(price.system, price.code, money(price.amount)) for price in agreed.prices),
        percent_of_billed=agreed.contract.percent_of_billed if agreed.contract else Decimal(0),
        contract=agreed.contract.code if agreed.contract else "",
        version=_version(policy, benefits),
        enrolled_by_simulator=member.enrolled_by_simulator,
    )


def _term(benefit: BenefitRow, used: Usage) -> BenefitTerm:
    return BenefitTerm(
        benefit=benefit.benefit,
        rule_id=f"{benefit.rule_id}@{benefit.version}",
        covered=benefit.covered,
        copay_percent=benefit.copay_percent,
        copay_cap=money(benefit.copay_cap) if benefit.copay_cap is not None else None,
        limit=money(benefit.year_limit) if benefit.year_limit is not None else None,
        used=money(used.of(benefit.benefit, LimitKind.AMOUNT, LimitPer.YEAR)),
    )


def _version(policy: PolicyRow, benefits: Sequence[BenefitRow]) -> str:
    """Name the set of benefit versions: it changes on the day on which the newest of them began."""
    since = max((benefit.effective_from for benefit in benefits), default=None)
    return f"{policy.product}/{policy.policy_class}@{since or 'none'}"
