"""What a person rules about a line: the same money rules share it, and cover and limits hold unless overridden."""

from decimal import Decimal

import pytest
from claim_builders import benefit, decide, line, price, sar, submission, terms
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from claimlinc.adjudication.facts import LineRuling, Review
from claimlinc.contract import Outcome
from masterlinc.money import Quantity
from policylinc.contract import ServiceRule, ServiceRuleKind

TWENTY = benefit(copay_percent=Decimal(20))


def ruled(claim, agreed, **values):
    ruling = LineRuling(1, **({"outcome": Outcome.APPROVED} | values))
    return decide(claim, agreed, review=Review("USR-1", (ruling,))).lines[0]


def figures(one):
    return [str(x) for x in (one.allowed, one.deductible, one.copay, one.tax, one.payer_share, one.patient_share)]


def test_a_line_without_a_price_is_approved_at_what_was_billed():
    """100 + 15 tax, no price: all 100 allowed; 20 % co-pay 20; tax follows: 80 + 12 and 20 + 3."""
    one = ruled(submission(line("100", "15")), terms(TWENTY, percent_of_billed=Decimal(0)))
    assert one.outcome is Outcome.APPROVED
    assert figures(one) == ["100.00", "0.00", "20.00", "15.00", "92.00", "23.00"]
    assert one.reason.startswith("Approved. ")


def test_a_reviewer_allows_a_part_with_a_code_and_a_reason():
    """60 of 100 allowed: co-pay 12, payer 48; the tax of 15 goes with the 60: 9, of it 7.20 the payer's."""
    one = ruled(
        submission(line("100", "15")),
        terms(TWENTY, percent_of_billed=Decimal(0)),
        outcome=Outcome.PARTIAL,
        amount=sar(60),
        denial_code="BE-1-3",
        reason="Priced like its neighbour.",
        reason_ar="سُعّر مثل نظيره.",
    )
    assert (one.outcome, one.denial_code) == (Outcome.PARTIAL, "BE-1-3")
    assert figures(one) == ["60.00", "0.00", "12.00", "9.00", "55.20", "13.80"]
    assert one.reason == "A reviewer of the payer allows SAR 60.00 of SAR 100.00 before tax: Priced like its neighbour."
    assert one.reason_ar.endswith("سُعّر مثل نظيره.")


def test_a_quantity_that_was_left_out_is_priced_by_it():
    """Quantity 0 at 50: the reviewer says 2, so 100; the contract agrees 40 a unit: 80 is allowed, co-pay 16."""
    claim = submission(line("50", quantity="0"))
    one = ruled(claim, terms(TWENTY), quantity=Quantity(2))
    assert (one.outcome, one.allowed, one.approved_quantity) == (Outcome.APPROVED, sar(100), Quantity(2))
    one = ruled(claim, terms(TWENTY, prices=(price("40"),)), quantity=Quantity(2))
    assert (one.outcome, one.denial_code) == (Outcome.PARTIAL, "BE-1-3")
    assert figures(one) == ["80.00", "0.00", "16.00", "0.00", "64.00", "16.00"]


def test_a_part_of_the_quantity_is_its_part_of_the_price():
    one = ruled(
        submission(line("50", quantity="4")),
        terms(),
        outcome=Outcome.PARTIAL,
        quantity=Quantity(3),
        denial_code="MN-1-1",
        reason="Three are enough.",
        reason_ar="ثلاثة تكفي.",
    )
    assert (one.allowed, one.approved_quantity, one.billed) == (sar(150), Quantity(3), sar(200))


def test_figures_that_differ_are_decided_as_the_reviewer_says():
    claim = submission(line("100", quantity="2", net=sar(250)))
    assert decide(claim, terms()).lines[0].outcome is Outcome.PENDED
    one = ruled(
        claim, terms(), outcome=Outcome.PARTIAL, amount=sar(200), denial_code="BE-1-6", reason="x", reason_ar="x"
    )
    assert (one.allowed, one.payer_share, one.billed) == (sar(200), sar(200), sar(250))


def test_a_limit_holds_for_a_reviewer_and_says_so():
    """Of the limit 1000 there is 30 left: the payer pays 30 of 80, the rest falls to the patient."""
    agreed = terms(benefit(copay_percent=Decimal(20), limit=sar(1000), used=sar(970)), percent_of_billed=Decimal(0))
    one = ruled(submission(line("100")), agreed)
    assert (one.outcome, one.denial_code, one.payer_share) == (Outcome.PARTIAL, "CV-1-8", sar(30))
    assert "30.00 left" in one.reason


def test_an_override_sets_the_limit_aside_and_is_told():
    agreed = terms(benefit(copay_percent=Decimal(20), limit=sar(1000), used=sar(970)), annual_limit=sar(10))
    one = ruled(
        submission(line("100")), agreed, override=True, override_reason="Court order.", override_reason_ar="حكم قضائي."
    )
    assert (one.outcome, one.denial_code, one.payer_share, one.copay) == (Outcome.APPROVED, None, sar(80), sar(20))
    assert [step.case for step in one.trace if step.rule == "review"] == ["overrides", "approved"]


def test_an_override_takes_what_was_left_from_the_lines_after_it():
    """Of 100 left the override takes 300: nothing is left for the next line."""
    agreed = terms(benefit(limit=sar(1000), used=sar(900)))
    claim = submission(line("300"), line("10", sequence=2))
    review = Review("USR-1", (LineRuling(1, Outcome.APPROVED, override=True, override_reason="x"),))
    first, second = decide(claim, agreed, review=review).lines
    assert (first.payer_share, second.payer_share) == (sar(300), sar(0))


def test_cover_holds_for_a_reviewer_unless_it_is_overridden():
    agreed = terms(benefit(covered=False))
    one = ruled(submission(line("100")), agreed)
    assert (one.outcome, one.denial_code, one.payer_share) == (Outcome.REJECTED, "CV-1-4", sar(0))
    more = {"override": True, "override_reason": "Goodwill.", "override_reason_ar": "استثناء."}
    one = ruled(submission(line("100")), agreed, **more)
    assert (one.outcome, one.payer_share) == (Outcome.APPROVED, sar(100))


def test_what_waits_for_a_person_about_the_cover_is_theirs_to_decide():
    """Nobody knows since when the member is insured: a person says whether the waiting period is over."""
    agreed = terms(benefit(waiting_days=90), member_since=None)
    claim = submission(line("100"))
    assert decide(claim, agreed).lines[0].outcome is Outcome.PENDED
    assert ruled(claim, agreed).payer_share == sar(100)
    one = ruled(claim, agreed, outcome=Outcome.REJECTED, denial_code="CV-1-4", reason="x", reason_ar="x")
    assert (one.outcome, one.denial_code) == (Outcome.REJECTED, "CV-1-4")
    excluded = ServiceRule("exclusion.all@1", ServiceRuleKind.EXCLUSION, "Not covered", "غير مغطى", codes=("83600*",))
    both = replace(agreed, rules=(excluded,))
    assert decide(claim, both).lines[0].outcome is Outcome.PENDED
    one = ruled(claim, both)
    assert (one.outcome, one.denial_code, one.payer_share) == (Outcome.REJECTED, "CV-1-4", sar(0))
    assert one.reason.startswith("The service is excluded: Not covered")


def test_a_rejection_pays_nothing_and_gives_the_reviewers_reason():
    values = {"outcome": Outcome.REJECTED, "denial_code": "MN-1-1", "reason": "Not needed.", "reason_ar": "غير ضروري."}
    one = ruled(submission(line("100", "15")), terms(), **values)
    assert (one.outcome, one.denial_code, one.approved_quantity) == (Outcome.REJECTED, "MN-1-1", Quantity(0))
    assert set(figures(one)) == {"0.00"}
    assert one.reason == "A reviewer of the payer rejected the line: Not needed."
    assert one.reason_ar == "رفض مراجع لدى الجهة الدافعة البند: غير ضروري."


def test_lines_without_a_ruling_are_the_rules_own():
    claim = submission(line("100"), line("100", sequence=2, quantity="0"))
    review = Review("USR-1", (LineRuling(2, Outcome.APPROVED, quantity=Quantity(1)),))
    alone, both = decide(claim, terms()), decide(claim, terms(), review=review)
    assert both.lines[0] == alone.lines[0]
    assert (alone.outcome, both.outcome) == (Outcome.PENDED, Outcome.APPROVED)


_HALALAS = st.integers(0, 5_000_000).map(lambda halalas: sar(f"{halalas // 100}.{halalas % 100:02}"))


@given(
    st.tuples(_HALALAS, _HALALAS, _HALALAS, st.integers(0, 20)),
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from([Outcome.APPROVED, Outcome.PARTIAL, Outcome.REJECTED]),
            "amount": st.none() | _HALALAS,
            "quantity": st.none() | st.integers(1, 20).map(Quantity),
            "override": st.booleans(),
            "denial_code": st.just("MN-1-1"),
        }
    ),
    st.integers(0, 100),
    _HALALAS,
)
def test_whatever_a_person_rules_the_shares_sum_to_the_whole(billed, ruling, copay, left):
    unit, tax, net, quantity = billed
    agreed = terms(
        benefit(copay_percent=Decimal(copay), limit=sar(100_000), used=sar(str(100_000 - left))),
        deductible=sar(100),
        percent_of_billed=Decimal(50),
    )
    one = ruled(submission(line(str(unit), str(tax), str(quantity), net=net)), agreed, **ruling)
    assert one.payer_share + one.patient_share == one.allowed + one.tax
    assert min(one.payer_share, one.patient_share, one.allowed, one.tax, one.copay, one.deductible) >= 0
    assert one.billed == net
    assert one.outcome is not Outcome.PENDED
    assert ruling["override"] or one.payer_share - one.payer_tax <= left
    assert ruling["amount"] is None or one.allowed <= ruling["amount"]


@pytest.mark.parametrize("outcome", [Outcome.APPROVED, Outcome.REJECTED])
def test_a_ruling_decides_the_same_again(outcome):
    claim = submission(line("100", "15", quantity="0"))
    review = Review("USR-1", (LineRuling(1, outcome, quantity=Quantity(1), denial_code="MN-1-1"),))
    assert decide(claim, terms(), review=review) == decide(claim, terms(), review=review)
