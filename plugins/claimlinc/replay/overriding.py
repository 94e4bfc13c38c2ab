"""Terms with something else in them: a pure function of the terms that were kept."""

from decimal import Decimal

from msgspec import UNSET
from msgspec.structs import replace

from claimlinc.adjudication import Facts
from claimlinc.contract import ClaimSubmission
from claimlinc.replay.schemas import BenefitOverride, LimitOverride, Overrides
from policylinc.contract import BenefitLimit, BenefitTerm, Price, Terms

OTHERS = "*"


def overridden(submission: ClaimSubmission, facts: Facts, overrides: Overrides) -> Facts:
    """Return the facts with the terms that a what-if puts in the place of those that were kept."""
    terms = facts.terms
    return facts if terms is None else replace(facts, terms=_terms(submission, terms, overrides))


def _terms(submission: ClaimSubmission, terms: Terms, other: Overrides) -> Terms:
    return replace(
        terms,
        annual_limit=terms.annual_limit if other.annual_limit is UNSET else other.annual_limit,
        deductible=terms.deductible if other.deductible is UNSET else other.deductible,
        percent_of_billed=(
            terms.percent_of_billed if other.percent_of_billed is UNSET else Decimal(other.percent_of_billed)
        ),
        benefits=tuple(_benefit(one, other) for one in terms.benefits) if other.benefits else terms.benefits,
        prices=_prices(submission, terms.prices, other) if other.prices else terms.prices,
    )


def _prices(submission: ClaimSubmission, agreed: tuple[Price, ...], other: Overrides) -> tuple[Price, ...]:
    """Put prices in the place of those that were agreed, and add those of services that had none."""
    prices = {(one.system, one.code): one.amount for one in agreed}
    for line in submission.lines:
        for coding in line.codes:
            if coding.code in other.prices:
                prices[coding.system, coding.code] = other.prices[coding.code]
    return tuple(Price(system, code, amount) for (system, code), amount in prices.items())


def _benefit(term: BenefitTerm, other: Overrides) -> BenefitTerm:
    asked = other.benefits.get(term.benefit) or other.benefits.get(OTHERS)
    return term if asked is None else _changed(term, asked)


def _changed(term: BenefitTerm, asked: BenefitOverride) -> BenefitTerm:
    return replace(
        term,
        covered=term.covered if asked.covered is UNSET else asked.covered,
        copay_percent=term.copay_percent if asked.copay_percent is UNSET else Decimal(asked.copay_percent),
        copay_cap=term.copay_cap if asked.copay_cap is UNSET else asked.copay_cap,
        limit=term.limit if asked.limit is UNSET else asked.limit,
        limits=_limits(term.limits, asked.limits) if asked.limits else term.limits,
    )


def _limits(limits: tuple[BenefitLimit, ...], asked: tuple[LimitOverride, ...]) -> tuple[BenefitLimit, ...]:
    """Put each limit in the place of the one of its kind and span, with what was used of that."""
    by_place = {(one.kind, one.per): one for one in limits}
    for one in asked:
        place = (one.kind, one.per)
        if one.value is None:
            by_place.pop(place, None)
        else:
            used = by_place[place].used if place in by_place else Decimal(0)
            by_place[place] = BenefitLimit(one.kind, one.per, Decimal(one.value), used)
    return tuple(by_place.values())
