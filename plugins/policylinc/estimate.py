"""What a policy would pay of one service: the money rules of a decision, on one amount and with no lock."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from masterlinc.money import ZERO, Money, money
from policylinc import wording
from policylinc.classification import Benefit
from policylinc.records import BenefitRow, PolicyRow, Use
from policylinc.wording import Words

_HUNDRED = Decimal(100)
_NOTHING = Use(Decimal(0), Decimal(0))


class Question(Struct, frozen=True):
    """An amount of a benefit under a policy, and what is used of it."""

    policy: PolicyRow
    benefit: Benefit
    amount: Money
    rule: BenefitRow | None
    used: dict[str, Use]


class Estimate(Struct, frozen=True):
    """Who would pay what."""

    covered: bool
    percentage: Decimal
    copay: Money
    deductible_remaining: Money
    patient_share: Money
    payer_share: Money
    authorization_required: bool
    message: Words
    limitations: tuple[Words, ...]


def estimate(question: Question) -> Estimate:
    """Take the deductible, then the co-payment, then the limits, as a decision does."""
    policy, rule, amount = question.policy, question.rule, question.amount
    deductible_left = _left(policy.deductible, _total(question, "deductible_used"))
    if rule is None or not rule.covered:
        return no_cover(amount, wording.not_covered(policy, question.benefit), deductible_left)
    limit_left, annual_left = _limits_left(question, rule)
    if limit_left == 0 or annual_left == 0:
        spent = rule.year_limit if limit_left == 0 and rule.year_limit is not None else policy.annual_limit
        return no_cover(amount, wording.exhausted(spent), deductible_left)
    deductible = min(amount, deductible_left)
    copay = _copay(money(amount - deductible), rule)
    payer = money(min(amount - deductible - copay, annual_left, *([] if limit_left is None else [limit_left])))
    patient = money(amount - payer)
    return Estimate(
        covered=True,
        percentage=_HUNDRED - rule.copay_percent,
        copay=copay,
        deductible_remaining=deductible_left,
        patient_share=patient,
        payer_share=payer,
        authorization_required=_needs_authorization(rule, amount),
        message=wording.covered(policy, question.benefit, amount, patient),
        limitations=tuple(_limitations(question, rule, deductible_left)),
    )


def no_cover(amount: Money, message: Words, deductible_left: Money = ZERO) -> Estimate:
    """Say that the patient pays everything, and why."""
    return Estimate(False, Decimal(0), ZERO, deductible_left, amount, ZERO, False, message, (message,))


def _copay(amount: Money, rule: BenefitRow) -> Money:
    full = money(amount * rule.copay_percent / _HUNDRED)
    return full if rule.copay_cap is None else min(full, money(rule.copay_cap))


def _needs_authorization(rule: BenefitRow, amount: Money) -> bool:
    above = rule.authorization_above
    return rule.authorization_required or (above is not None and amount > above)


def _limits_left(question: Question, rule: BenefitRow) -> tuple[Money | None, Money]:
    used = question.used.get(question.benefit.code, _NOTHING).used
    limit_left = None if rule.year_limit is None else _left(rule.year_limit, used)
    return limit_left, _left(question.policy.annual_limit, _total(question, "used"))


def _limitations(question: Question, rule: BenefitRow, deductible_left: Money) -> Iterator[Words]:
    limit_left, annual_left = _limits_left(question, rule)
    if deductible_left:
        yield wording.deductible(deductible_left)
    if rule.copay_percent:
        yield wording.copay(rule.copay_percent, rule.copay_cap)
    if rule.year_limit is not None and limit_left is not None:
        yield wording.limit_left(question.benefit, rule.year_limit, limit_left)
    if annual_left < question.amount:
        yield wording.annual_left(annual_left)
    if rule.authorization_required:
        yield wording.authorization_always(question.benefit)
    elif rule.authorization_above is not None:
        yield wording.authorization_above(rule.authorization_above)


def _total(question: Question, field: str) -> Decimal:
    return sum((getattr(use, field) for use in question.used.values()), Decimal(0))


def _left(limit: Decimal, used: Decimal) -> Money:
    return money(max(limit - used, Decimal(0)))
