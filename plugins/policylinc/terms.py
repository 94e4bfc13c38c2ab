"""A payer's terms for a member on a day, built from what was read."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from masterlinc.money import Money, money
from masterlinc.security.principal import NOBODY
from policylinc import wording
from policylinc.classification import benefit_named
from policylinc.contract import (
    AuthorizationTerms,
    BenefitTerm,
    LimitKind,
    LimitPer,
    Price,
    ServiceRule,
    ServiceRuleKind,
    Terms,
)
from policylinc.records import MemberRow, PolicyRow, cover_dates, cover_status
from policylinc.term_rows import GrantRow, PayerRow, RuleRow, TermRows
from policylinc.usage import Usage

_SEXES = frozenset({"male", "female"})
_DIGITS = 12
_Dated = tuple[date, UUID]


class Cover(NamedTuple):
    """A member under a policy, in one of its years."""

    policy: PolicyRow
    member: MemberRow
    year: date


def build_terms(rows: TermRows, day: date, used: Usage) -> Terms:
    """Build the terms that a decision needs; an estimate builds them without a member, where nobody is known."""
    policy, member, contract = rows.policy, rows.member, rows.contract
    first, last = cover_dates(policy, member)
    total, used = used.total(), used.with_sub_benefits({one.benefit: one.parent for one in rows.benefits})
    return Terms(
        payer_organization_id=policy.organization_id,
        member_id=member.id if member else NOBODY,
        person_id=member.person_id if member else None,
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
        benefits=tuple(_term(benefit, used) for benefit in rows.benefits),
        prices=tuple(Price(price.system, price.code, money(price.amount)) for price in rows.prices),
        percent_of_billed=contract.percent_of_billed if contract else Decimal(0),
        contract=contract.code if contract else "",
        version=_version(rows),
        enrolled_by_simulator=member is not None and member.enrolled_by_simulator,
        network=policy.network,
        in_network=rows.place.in_network,
        provider_class=rows.place.provider_class,
        member_since=rows.since,
        relationship=rows.person.relationship,
        birth_date=rows.person.birth_date,
        sex=rows.person.gender if rows.person.gender in _SEXES else None,
        rules=tuple(_rules(rows)),
        authorization=rows.payer.authorization if rows.payer else AuthorizationTerms(),
        follow_up_days=rows.payer.follow_up_days if rows.payer else 0,
        filing_days=rows.payer.filing_days if rows.payer else None,
        vat_percent=rows.payer.vat_percent if rows.payer else None,
    )


def _term(benefit: GrantRow, used: Usage) -> BenefitTerm:
    return BenefitTerm(
        benefit=benefit.benefit,
        rule_id=f"{benefit.rule_id}@{benefit.version}",
        covered=benefit.covered,
        copay_percent=benefit.copay_percent,
        copay_cap=_maybe(benefit.copay_cap),
        limit=_maybe(benefit.year_limit),
        used=money(used.of(benefit.benefit, LimitKind.AMOUNT, LimitPer.YEAR)),
        copay_cap_per=benefit.copay_cap_per,
        parent=benefit.parent,
        codes=benefit.codes,
        limits=tuple(replace(one, used=used.of(benefit.benefit, one.kind, one.per)) for one in benefit.limits),
        waiting_days=benefit.waiting_days,
    )


def _rules(rows: TermRows) -> Iterator[ServiceRule]:
    """Return the payer's rules, and those that a benefit carries as its own."""
    yield from (_rule(rule) for rule in rows.rules)
    for benefit in rows.benefits:
        if benefit.authorization_required or benefit.authorization_above is not None:
            yield _authorization(benefit)


def _rule(rule: RuleRow) -> ServiceRule:
    return ServiceRule(
        id=f"{rule.rule}@{rule.version}",
        kind=rule.kind,
        text=rule.text,
        text_ar=rule.text_ar,
        codes=rule.codes,
        diagnoses=rule.diagnoses,
        benefits=rule.benefits,
        above=_maybe(rule.above),
        in_emergencies=rule.in_emergencies,
        days=rule.days,
        count=rule.count,
        min_age=rule.min_age,
        max_age=rule.max_age,
        sex=rule.sex,
        includes=rule.includes,
    )


def _authorization(benefit: GrantRow) -> ServiceRule:
    named, above = benefit_named(benefit.benefit), benefit.authorization_above
    if benefit.authorization_required or above is None:
        above, words = None, wording.authorization_always(named)
    else:
        words = wording.authorization_above(above)
    return ServiceRule(
        id=f"{benefit.rule_id}.authorization@{benefit.version}",
        kind=ServiceRuleKind.AUTHORIZATION,
        text=words.en,
        text_ar=words.ar,
        benefits=(benefit.benefit,),
        above=_maybe(above),
    )


def _version(rows: TermRows) -> str:
    """Name the exact versions: those of the policy, and those of the contract with the provider.

    The day is that on which the newest of them began; the digits are of all their keys.
    """
    own: list[GrantRow | RuleRow | PayerRow] = [*rows.benefits, *rows.rules]
    if rows.payer:
        own.append(rows.payer)
    named = f"{rows.policy.product}/{rows.policy.policy_class}@{_digest((one.effective_from, one.id) for one in own)}"
    if rows.contract is None:
        return named
    agreed = [(price.effective_from, price.id) for price in rows.prices]
    place = [] if rows.place.id is None else [(rows.contract.effective_from, rows.place.id)]
    held = _digest([(rows.contract.effective_from, rows.contract.id), *agreed, *place])
    return f"{named} {rows.contract.code}@{held}"


def _digest(versions: Iterable[_Dated]) -> str:
    known = sorted(versions)
    if not known:
        return "none"
    keys = b"".join(sorted(key.bytes for _, key in known))
    return f"{known[-1][0]}.{sha256(keys).hexdigest()[:_DIGITS]}"


def _maybe(amount: Decimal | None) -> Money | None:
    return None if amount is None else money(amount)
