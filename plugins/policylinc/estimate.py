"""What a policy would pay of one service: the rules of a decision on a line of one unit, with no lock and no history.

The order is that of the adjudicator: cover, benefit, waiting, exclusions, authorization, sex and age; then price,
deductible, co-payment, and the limits of units and days, of the benefit, of its parents and of the year. A test holds
the two against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from masterlinc.money import ZERO, Money, money
from policylinc import money_wording, wording
from policylinc.benefits import chain_of, rules_about
from policylinc.classification import Benefit, benefit_named
from policylinc.contract import BenefitTerm, LimitKind, LimitPer, ServiceRule, ServiceRuleKind, Terms
from policylinc.wording import Words

_HUNDRED, _ONE, _NOTHING = Decimal(100), Decimal(1), Decimal(0)
_LASTING = (LimitPer.YEAR, LimitPer.LIFETIME)


class Question(Struct, frozen=True):
    """An amount for one unit of a service on a day; `benefit` is that of its kind."""

    terms: Terms
    code: str
    benefit: str
    amount: Money
    day: date


class Estimate(Struct, frozen=True):
    """Who would pay what; the shares make up what is allowed, or the amount where nothing is covered."""

    covered: bool
    benefit: Benefit
    percentage: Decimal
    allowed: Money
    copay: Money
    deductible_remaining: Money
    patient_share: Money
    payer_share: Money
    authorization_required: bool
    message: Words
    limitations: tuple[Words, ...]


class _Limit(NamedTuple):
    """A limit of a benefit, and what is left of it."""

    benefit: Benefit
    kind: LimitKind
    per: LimitPer
    value: Decimal
    left: Decimal

    @property
    def fitting(self) -> Decimal:
        """How much of one unit on one day fits."""
        return min(_ONE, self.left if self.kind is LimitKind.COUNT else Decimal(int(self.left)))

    @property
    def words(self) -> Words:
        """What is left of it, in words."""
        return money_wording.limit_left(self.benefit, (self.kind, self.per), self.value, self.left)


@dataclass(slots=True)
class _Work:
    """An estimate while it is made."""

    question: Question
    chain: tuple[BenefitTerm, ...]
    allowed: Money
    payer: Money = ZERO
    copay: Money = ZERO
    spent: Words | None = None  # of the limit of which nothing was left

    @property
    def names(self) -> tuple[str, ...]:
        """The benefit, its parent, and so on."""
        return tuple(term.benefit for term in self.chain)


def estimate(question: Question) -> Estimate:
    """Say what would be decided of a claim for this service alone, authorized where that is asked for."""
    chain = chain_of(question.terms, question.benefit, question.code)
    work = _Work(question, chain, _allowed(question))
    named = benefit_named(chain[0].benefit if chain else question.benefit)
    reason = _refused(work, named)
    if reason is not None:
        return no_cover(question.amount, reason, named, deductible_left=_deductible_left(question.terms))
    _share(work)
    _limit(work)
    if work.spent is not None:
        left = _deductible_left(question.terms)
        return no_cover(question.amount, work.spent, named, allowed=work.allowed, deductible_left=left)
    patient, wanted = money(work.allowed - work.payer), _authorization(work)
    return Estimate(
        covered=True,
        benefit=named,
        percentage=_HUNDRED - chain[0].copay_percent,
        allowed=work.allowed,
        copay=work.copay,
        deductible_remaining=_deductible_left(question.terms),
        patient_share=patient,
        payer_share=work.payer,
        authorization_required=wanted is not None,
        message=wording.covered(question.terms, named, work.allowed, patient),
        limitations=tuple(_limitations(work, wanted)),
    )


def no_cover(
    amount: Money, reason: Words, benefit: Benefit, *, allowed: Money = ZERO, deductible_left: Money = ZERO
) -> Estimate:
    """Say that the patient pays everything, and why; `allowed` is what the contract lets a provider ask for."""
    return Estimate(
        covered=False,
        benefit=benefit,
        percentage=_NOTHING,
        allowed=allowed,
        copay=ZERO,
        deductible_remaining=deductible_left,
        patient_share=allowed or amount,
        payer_share=ZERO,
        authorization_required=False,
        message=reason,
        limitations=(reason,),
    )


def _refused(work: _Work, named: Benefit) -> Words | None:
    """Return why the policy does not cover the service, in the order in which a decision asks."""
    terms, day = work.question.terms, work.question.day
    if not terms.in_network:
        return wording.outside_network(terms)
    if not work.chain or not work.chain[0].covered:
        return wording.not_covered(terms, named)
    waits = _waiting(work)
    if waits is not None and terms.member_since is not None and day < waits[0]:
        return wording.waits(named, *waits)
    for rule in _rules(work, ServiceRuleKind.EXCLUSION):
        return Words(rule.text, rule.text_ar)
    for kind, unfit in ((ServiceRuleKind.SEX, _other_sex), (ServiceRuleKind.AGE, _other_age)):
        for rule in _rules(work, kind):
            if unfit(rule, terms, day):
                return Words(rule.text, rule.text_ar)
    return None


def _waiting(work: _Work) -> tuple[date, int] | None:
    """Return until when and how long a member waits for the service; None where nobody does."""
    days = max((term.waiting_days for term in work.chain), default=0)
    days = max([days, *(rule.days or 0 for rule in _rules(work, ServiceRuleKind.WAITING))])
    since = work.question.terms.member_since
    if not days:
        return None
    return (since + timedelta(days=days) if since else date.max), days


def _other_sex(rule: ServiceRule, terms: Terms, _: date) -> bool:
    return rule.sex is not None and terms.sex is not None and terms.sex != rule.sex


def _other_age(rule: ServiceRule, terms: Terms, day: date) -> bool:
    born = terms.birth_date
    if born is None:
        return False
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    too_young = rule.min_age is not None and years < rule.min_age
    return too_young or (rule.max_age is not None and years > rule.max_age)


def _allowed(question: Question) -> Money:
    """Return what the contract allows; the amount itself where none says."""
    terms, amount = question.terms, question.amount
    agreed = next((price.amount for price in terms.prices if price.code == question.code), None)
    if agreed is not None:
        return min(amount, agreed)
    return min(amount, money(amount * terms.percent_of_billed / _HUNDRED)) if terms.percent_of_billed else amount


def _share(work: _Work) -> None:
    term = work.chain[0]
    rest = money(work.allowed - min(work.allowed, _deductible_left(work.question.terms)))
    full = min(rest, money(rest * term.copay_percent / _HUNDRED))
    work.copay = full if term.copay_cap is None else min(full, term.copay_cap)
    work.payer = money(rest - work.copay)


def _limit(work: _Work) -> None:
    """Cut the payer's part to what units and days, then the benefit, its parents and the year leave."""
    limits = [*_limits(work.chain)]
    service = min(
        (one for one in limits if one.kind is not LimitKind.AMOUNT), key=lambda one: one.fitting, default=None
    )
    if service is not None and service.fitting < _ONE:
        work.payer = money(work.payer * service.fitting)
        work.spent = None if service.fitting else money_wording.exhausted(service.words)
    for limit in limits:
        if limit.kind is LimitKind.AMOUNT:
            _within(work, money(limit.left), limit.words)
    left = _annual_left(work.question.terms)
    _within(work, left, money_wording.annual_left(left))


def _within(work: _Work, left: Money, words: Words) -> None:
    before, work.payer = work.payer, min(work.payer, left)
    if before and not work.payer:
        work.spent = work.spent or money_wording.exhausted(words)


def _limits(chain: tuple[BenefitTerm, ...]) -> Iterator[_Limit]:
    """Yield the limits of a benefit, then those of its parents."""
    for term in chain:
        named = benefit_named(term.benefit)
        if term.limit is not None:
            yield _Limit(named, LimitKind.AMOUNT, LimitPer.YEAR, term.limit, max(term.limit - term.used, _NOTHING))
        for one in term.limits:
            left = max(one.value - one.used, _NOTHING) if one.per in _LASTING else one.value
            yield _Limit(named, one.kind, one.per, one.value, left)


def _authorization(work: _Work) -> ServiceRule | None:
    """Return the rule that wants an authorization for this amount."""
    rules = _rules(work, ServiceRuleKind.AUTHORIZATION)
    return next((rule for rule in rules if rule.above is None or work.question.amount > rule.above), None)


def _limitations(work: _Work, wanted: ServiceRule | None) -> Iterator[Words]:
    terms, term, left = work.question.terms, work.chain[0], _deductible_left(work.question.terms)
    if work.allowed < work.question.amount:
        yield money_wording.contract_price(work.allowed)
    if left:
        yield money_wording.deductible(left)
    if term.copay_percent:
        yield money_wording.copay(term.copay_percent, term.copay_cap, term.copay_cap_per)
    yield from (limit.words for limit in _limits(work.chain))
    if _annual_left(terms) < work.question.amount:
        yield money_wording.annual_left(_annual_left(terms))
    said = [wanted] if wanted else [*_rules(work, ServiceRuleKind.AUTHORIZATION)][:1]
    of_claims = (*_rules(work, ServiceRuleKind.FREQUENCY), *_rules(work, ServiceRuleKind.DIAGNOSIS))
    for rule in (*said, *of_claims, *_unasked(work)):
        yield Words(rule.text, rule.text_ar)


def _unasked(work: _Work) -> Iterator[ServiceRule]:
    """Yield the rules on whom nothing is known about: of sex or age."""
    terms = work.question.terms
    if terms.sex is None:
        yield from _rules(work, ServiceRuleKind.SEX)
    if terms.birth_date is None:
        yield from _rules(work, ServiceRuleKind.AGE)
    if terms.member_since is None and _waiting(work) is not None:
        yield from _rules(work, ServiceRuleKind.WAITING)


def _rules(work: _Work, kind: ServiceRuleKind) -> Iterator[ServiceRule]:
    return rules_about(work.question.terms, kind, work.names, work.question.code)


def _deductible_left(terms: Terms) -> Money:
    return money(max(terms.deductible - terms.deductible_used, _NOTHING))


def _annual_left(terms: Terms) -> Money:
    return money(max(terms.annual_limit - terms.annual_used, _NOTHING))
