"""What the order of a member's claims on one day may change, and what it may not; and a million shares that sum.

It may not change: what a line is of, whether it is covered, what is allowed for it, the tax on that, and in all what
the payer pays out of one limit, what is taken of one deductible, and how many units fit. It may change which line gets
what is scarce. Where nothing is scarce it changes nothing but what the trace says was left.
"""

import random
from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations

import pytest
from claim_builders import BENEFITS, benefit, line, sar, submission, terms
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rule_scenarios import limit, part, rule

from claimlinc.adjudication import Facts, benefit_uses, decide
from claimlinc.adjudication.balances import lineage
from claimlinc.adjudication.rules import ELIGIBILITY_RULES
from claimlinc.adjudication.shares import part_of
from claimlinc.contract import ClaimSubmission, Decision, Identifier, Line, LineDecision, Outcome
from masterlinc.money import Money, money, split
from policylinc.contract import BenefitTerm, BenefitUse, LimitKind, LimitPer, ServiceRuleKind, Terms

ELIGIBLE = len(ELIGIBILITY_RULES)
amounts = st.integers(1, 60_000).map(lambda halalas: Money(Decimal(halalas).scaleb(-2)))


@st.composite
def days_of_claims(draw):
    """Draw two or three claims of one member on one day."""
    made = []
    for number in range(draw(st.integers(2, 3))):
        lines = [
            line(str(draw(amounts)), "0", str(draw(st.integers(1, 3))), sequence=sequence)
            for sequence in range(1, draw(st.integers(1, 3)) + 1)
        ]
        made.append(submission(*lines, identifier=Identifier("http://clinic.test/claim", f"C-{number}")))
    return made


def after(agreed: Terms, uses: Sequence[BenefitUse]) -> Terms:
    """Return the terms as the ledger gives them after some use: what a part uses counts for those above it."""
    named = {term.benefit: term for term in agreed.benefits}
    of = [(use, {one.benefit for one in lineage(named, use.benefit)}) for use in uses]
    used = {name: [use for use, names in of if name in names] for name in named}
    return replace(
        agreed,
        annual_used=money(agreed.annual_used + sum(use.amount for use in uses)),
        deductible_used=money(agreed.deductible_used + sum(use.deductible for use in uses)),
        benefits=tuple(_after(term, used[term.benefit]) for term in agreed.benefits),
    )


def _after(term: BenefitTerm, uses: Sequence[BenefitUse]) -> BenefitTerm:
    more = {
        LimitKind.AMOUNT: sum((use.amount for use in uses), Decimal(0)),
        LimitKind.COUNT: sum((use.count for use in uses), Decimal(0)),
        LimitKind.DAYS: Decimal(sum(use.days for use in uses)),
    }
    return replace(
        term,
        used=money(term.used + more[LimitKind.AMOUNT]),
        limits=tuple(replace(one, used=one.used + more[one.kind]) for one in term.limits),
    )


def in_order(claims: Sequence[ClaimSubmission], agreed: Terms) -> dict[str, Decision]:
    """Decide claims one after the other, each on what the ones before it left."""
    decided = {}
    for claim in claims:
        decision = decide(claim, Facts(agreed))
        decided[claim.identifier.value] = decision
        agreed = after(agreed, benefit_uses(decision))
    return decided


def orders(claims: Sequence[ClaimSubmission], agreed: Terms) -> list[dict[str, Decision]]:
    return [in_order(order, agreed) for order in permutations(claims)]


def total(decided: dict[str, Decision], name: str) -> Decimal:
    return sum((getattr(one.totals, name) for one in decided.values()), Decimal(0))


def figures(decided: dict[str, Decision]) -> dict[str, list[LineDecision]]:
    return {name: [replace(line, trace=()) for line in decision.lines] for name, decision in decided.items()}


def before_the_shares(one: LineDecision) -> tuple[str, Money, Money, Money]:
    return one.benefit, one.billed, one.allowed, one.tax


PLENTY = {"annual_limit": sar("999999999")}


@settings(max_examples=60, deadline=None)
@given(days_of_claims(), st.integers(0, 100))
def test_where_nothing_is_scarce_any_order_gives_the_same_decisions(claims, percent):
    agreed = terms(*(benefit(name, copay_percent=Decimal(percent)) for name in BENEFITS), **PLENTY)
    first, *others = orders(claims, agreed)
    assert all(figures(other) == figures(first) for other in others)


@settings(max_examples=60, deadline=None)
@given(days_of_claims(), amounts, amounts, st.sampled_from(["2", "5", "100"]))
def test_the_order_never_changes_what_is_allowed_or_why_a_line_is_not_covered(claims, annual, deductible, units):
    agreed = terms(
        part(limits=(limit("count", "year", units),)),
        benefit(covered=False),
        annual_limit=annual,
        deductible=deductible,
        rules=(rule(ServiceRuleKind.EXCLUSION, codes=("99*",)),),
    )
    first, *others = orders(claims, agreed)
    for other in others:
        for name, decision in first.items():
            for one, two in zip(decision.lines, other[name].lines, strict=True):
                assert before_the_shares(one) == before_the_shares(two)
                assert one.trace[:ELIGIBLE] == two.trace[:ELIGIBLE]


@settings(max_examples=60, deadline=None)
@given(days_of_claims(), amounts)
def test_one_limit_pays_the_same_in_all_whoever_comes_first(claims, left):
    asked = sum((claim.total for claim in claims), Decimal(0))
    for agreed in (terms(annual_limit=left), terms(part(limit=left), **PLENTY), terms(benefit(limit=left), **PLENTY)):
        assert {total(decided, "payer_share") for decided in orders(claims, agreed)} == {min(asked, left)}


@settings(max_examples=60, deadline=None)
@given(days_of_claims(), amounts)
def test_one_deductible_is_taken_once_whoever_comes_first(claims, deductible):
    asked = sum((claim.total for claim in claims), Decimal(0))
    decided = orders(claims, terms(deductible=deductible, **PLENTY))
    assert {total(one, "deductible") for one in decided} == {min(asked, deductible)}


@settings(max_examples=60, deadline=None)
@given(days_of_claims(), st.integers(0, 12))
def test_as_many_units_fit_whoever_comes_first(claims, units):
    agreed = terms(part(limits=(limit("count", "lifetime", str(units)),)), **PLENTY)
    asked = sum((one.quantity for claim in claims for one in claim.lines), Decimal(0))
    for decided in orders(claims, agreed):
        fitted = sum((one.approved_quantity for decision in decided.values() for one in decision.lines), Decimal(0))
        assert fitted == min(asked, units)


def test_who_comes_first_gets_what_is_scarce():
    """Two claims of 100 for the last 150: the first gets 100, the second 50, whichever it is."""
    first, second = (
        submission(line(), identifier=Identifier("http://clinic.test/claim", name)) for name in ("C-1", "C-2")
    )
    agreed = terms(annual_limit=sar(150))
    for order in ((first, second), (second, first)):
        shares = [str(decision.totals.payer_share) for decision in in_order(order, agreed).values()]
        assert shares == ["100.00", "50.00"]


# A million shares --------------------------------------------------------------------------------


def _amount(chance: random.Random) -> Money:
    """Return an amount; now and then nothing, a halala, or all that an amount can be."""
    drawn = chance.random()
    if drawn < 0.05:
        return chance.choice((Money("0.00"), Money("0.01"), Money("0.03"), Money("999999999999.99")))
    return Money(Decimal(chance.randrange(10 ** chance.randint(1, 9))).scaleb(-2))


def test_half_a_million_splits_sum_to_the_whole():
    chance = random.Random(20260310)
    for _ in range(500_000):
        whole = _amount(chance)
        weights = [Decimal(chance.randrange(1, 1000)), Decimal(chance.randrange(1000)), Decimal(chance.randrange(7))]
        shares = split(whole, weights)
        assert shares[0] + shares[1] + shares[2] == whole


def test_half_a_million_taxes_are_shared_whole():
    """Tax goes with the amounts: no part is below zero, above the whole, or more than half a halala off its part."""
    chance = random.Random(47)
    half = Decimal("0.005")
    for _ in range(500_000):
        whole, tax = _amount(chance), _amount(chance)
        payer = money(whole * chance.randrange(101) / 100)
        share = part_of(tax, payer, whole)
        patient = tax - share
        assert 0 <= share <= tax
        assert 0 <= patient <= tax
        assert not whole or abs(share * whole - tax * payer) <= half * whole


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_lines_share_all_that_is_allowed(seed):
    """The share rules themselves: deductible, co-pay, limits and tax of random lines, to the halala."""
    chance = random.Random(seed)
    for _ in range(400):
        agreed = terms(
            benefit(
                copay_percent=Decimal(chance.randrange(10001)) / 100,
                copay_cap=chance.choice((None, _amount(chance))),
                copay_cap_per=chance.choice((LimitPer.VISIT, LimitPer.ITEM)),
                limit=chance.choice((None, _amount(chance))),
                limits=(limit("count", chance.choice(("year", "visit", "item")), str(chance.randrange(20))),),
            ),
            deductible=_amount(chance),
            annual_limit=_amount(chance),
        )
        for one in decide(submission(*_lines(chance)), Facts(agreed)).lines:
            assert one.payer_share + one.patient_share == one.allowed + one.tax
            assert 0 <= one.payer_tax <= one.tax
            assert one.deductible + one.copay <= one.allowed
            assert one.outcome is not Outcome.REJECTED or one.payer_share == 0


def _lines(chance: random.Random) -> list[Line]:
    return [
        line(
            str(chance.randrange(100_000)), str(chance.randrange(9_000)), str(chance.randrange(1, 9)), sequence=sequence
        )
        for sequence in range(1, 6)
    ]
