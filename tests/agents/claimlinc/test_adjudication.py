"""Golden cases of the adjudicator; each figure is computed by hand in the test's words."""

from datetime import date
from decimal import Decimal

import pytest
from claim_builders import DAY, SERVICES, benefit, decide, line, price, sar, submission, terms

from claimlinc.adjudication import RULES, benefit_uses
from claimlinc.contract import ClaimType, Coding, Diagnosis, LineDecision, Outcome, Subject
from masterlinc.money import Quantity
from policylinc.contract import BenefitUse, CoverStatus


def money_of(one: LineDecision) -> dict[str, str]:
    names = ("billed", "allowed", "deductible", "copay", "tax", "payer_tax", "payer_share", "patient_share")
    return {name: str(getattr(one, name)) for name in names}


def test_the_dental_sample_of_the_exchange():
    """Billed 200 + 30 tax = 230; co-pay 15 % of 200 = 30; benefit 170; 170/200 of the tax = 25.50, 4.50 stays."""
    claim = submission(line("200", "30"), claim_type=ClaimType.ORAL)
    decision = decide(claim, terms(benefit("dental", copay_percent=Decimal(15))))
    (one,) = decision.lines
    assert money_of(one) == {
        "billed": "230.00",
        "allowed": "200.00",
        "deductible": "0.00",
        "copay": "30.00",
        "tax": "30.00",
        "payer_tax": "25.50",
        "payer_share": "195.50",
        "patient_share": "34.50",
    }
    assert (one.outcome, one.denial_code, one.benefit) == (Outcome.APPROVED, None, "dental")
    assert one.approved_quantity == Quantity(1)
    assert "25.50" in one.reason
    assert "25.50" in one.reason_ar
    assert decision.outcome is Outcome.APPROVED
    assert str(decision.totals.payer_share) == "195.50"


def test_every_rule_leaves_its_step_in_the_documented_order():
    (one,) = decide(submission(line()), terms()).lines
    assert [step.rule for step in one.trace] == [rule.id for rule in RULES]
    assert len({rule.id for rule in RULES}) == len(RULES)
    for step in one.trace:
        assert step.text
        assert step.text_ar
        assert all(isinstance(value, str) for value in step.inputs.values())


def test_copay_cap_is_shared_by_the_lines_of_one_visit():
    """20 % of 300 = 60; 20 % of 200 = 40, of the cap of 75 only 15 is left; the next day is a new visit: 20."""
    lines = (
        line("300", sequence=1),
        line("200", sequence=2),
        line("100", sequence=3, service_date=date(2026, 3, 11)),
    )
    decision = decide(submission(*lines), terms(benefit(copay_percent=Decimal(20), copay_cap=sar(75))))
    assert [str(one.copay) for one in decision.lines] == ["60.00", "15.00", "20.00"]
    assert [str(one.payer_share) for one in decision.lines] == ["240.00", "185.00", "80.00"]


def test_deductible_comes_before_the_copay():
    """Deductible 100, used 40: 60 open. Line 1 of 50 takes 50; line 2 of 100 takes 10, then 10 % of 90 = 9."""
    decision = decide(
        submission(line("50", sequence=1), line("100", sequence=2)),
        terms(benefit(copay_percent=Decimal(10)), deductible=sar(100), deductible_used=sar(40)),
    )
    first, second = decision.lines
    assert (str(first.deductible), str(first.copay), str(first.payer_share)) == ("50.00", "0.00", "0.00")
    assert (str(second.deductible), str(second.copay), str(second.payer_share)) == ("10.00", "9.00", "81.00")
    assert first.outcome is Outcome.APPROVED
    assert benefit_uses(decision) == (BenefitUse("outpatient", sar(81), sar(60), count=Decimal(2), days=1),)


def test_benefit_limit_cuts_the_payer_and_the_excess_falls_to_the_patient():
    """Limit 400, used 250: 150 left of 200; the excess of 50 is the patient's; tax 30: 150/200 = 22.50 and 7.50."""
    claim = submission(line("200", "30"), claim_type=ClaimType.VISION)
    (one,) = decide(claim, terms(benefit("optical", limit=sar(400), used=sar(250)))).lines
    assert (one.outcome, one.denial_code) == (Outcome.PARTIAL, "CV-1-8")
    assert (str(one.payer_share), str(one.patient_share), str(one.payer_tax)) == ("172.50", "57.50", "22.50")
    assert "150.00" in one.reason
    assert "50.00" in one.reason_ar


def test_an_exhausted_limit_rejects_the_line_and_keeps_the_price_visible():
    (one,) = decide(submission(line("80")), terms(benefit(limit=sar(400), used=sar(450)))).lines
    assert (one.outcome, one.denial_code) == (Outcome.REJECTED, "CV-1-8")
    assert (str(one.allowed), str(one.payer_share), str(one.patient_share)) == ("80.00", "0.00", "80.00")
    assert one.approved_quantity == 0


def test_annual_limit_is_drawn_down_line_by_line_across_benefits():
    """1000 a year, 850 used: 150 left; line 1 takes 100, line 2 (of 80) gets 50."""
    decision = decide(
        submission(line("100", sequence=1), line("80", sequence=2)), terms(annual_limit=sar(1000), annual_used=sar(850))
    )
    assert [str(one.payer_share) for one in decision.lines] == ["100.00", "50.00"]
    assert [one.denial_code for one in decision.lines] == [None, "CV-1-8"]
    assert decision.outcome is Outcome.PARTIAL


def test_what_the_annual_limit_cuts_does_not_use_up_the_benefit_limit():
    """The annual limit leaves 30 of line 1; the benefit limit of 100 must then still hold 70, not 20."""
    decision = decide(
        submission(line("80", sequence=1), line("80", sequence=2)),
        terms(benefit(limit=sar(100)), annual_limit=sar(30)),
    )
    step = next(step for step in decision.lines[1].trace if step.rule == "benefit-limit")
    assert step.inputs["left"] == "70.00"


def test_agreed_price_caps_the_billed_price():
    """Agreed 70 a unit, 2 units: 140 of 200 billed; the tax of 30 shrinks with it: 30 x 140/200 = 21."""
    (one,) = decide(submission(line("100", "30", "2")), terms(prices=(price("70"),))).lines
    assert (one.outcome, one.denial_code) == (Outcome.PARTIAL, "BE-1-3")
    assert (str(one.allowed), str(one.tax), str(one.payer_share)) == ("140.00", "21.00", "161.00")
    assert one.approved_quantity == 2


def test_an_agreed_price_above_the_billed_one_pays_no_more_than_billed():
    (one,) = decide(submission(line("60")), terms(prices=(price("70"),))).lines
    assert (one.outcome, str(one.allowed)) == (Outcome.APPROVED, "60.00")


def test_an_agreed_price_is_found_by_any_code_of_the_line():
    codes = (Coding("http://clinic.test/codes", "X1"), Coding(SERVICES, "83600-00-10"))
    (one,) = decide(submission(line("100", codes=codes)), terms(prices=(price("70"),))).lines
    assert str(one.allowed) == "70.00"


def test_an_agreed_price_beyond_all_money_is_no_fault():
    billed = line("999999999999.99", "0", "1")
    (one,) = decide(submission(billed), terms(prices=(price("999999999999.99"),), annual_limit=sar(5))).lines
    assert str(one.payer_share) == "5.00"


def test_percent_of_billed_is_a_contract_of_its_own():
    """85 % of 33.33 = 28.3305, so 28.33; nothing was denied."""
    (one,) = decide(submission(line("33.33")), terms(percent_of_billed=Decimal(85))).lines
    assert (one.outcome, str(one.allowed)) == (Outcome.APPROVED, "28.33")


def test_half_a_halala_goes_up():
    """15 % of 0.10 = 0.015: co-pay 0.02."""
    (one,) = decide(submission(line("0.10")), terms(benefit(copay_percent=Decimal(15)))).lines
    assert (str(one.copay), str(one.payer_share)) == ("0.02", "0.08")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": CoverStatus.SUSPENDED}, "CV-2-1"),
        ({"status": CoverStatus.INACTIVE}, "CV-2-1"),
        ({"effective_date": date(2026, 3, 11)}, "AD-2-3"),
        ({"expiry_date": date(2026, 3, 9)}, "CV-2-1"),
    ],
)
def test_no_cover_on_the_service_date(change, code):
    decision = decide(submission(line("100", "15")), terms(**change))
    (one,) = decision.lines
    assert (one.outcome, one.denial_code) == (Outcome.REJECTED, code)
    assert (one.payer_share, one.patient_share, one.allowed, one.tax) == (0, 0, 0, 0)
    assert decision.outcome is Outcome.REJECTED
    assert benefit_uses(decision) == ()


def test_the_first_failed_rule_decides_and_the_others_stay_in_the_trace():
    (one,) = decide(
        submission(line()), terms(benefit(covered=False), status=CoverStatus.SUSPENDED, expiry_date=date(2026, 3, 9))
    ).lines
    results = {step.rule: step.result for step in one.trace}
    assert one.denial_code == "CV-2-1"
    assert "ended" in one.reason
    assert results["cover-status"] == "suspended"
    assert results["benefit-covered"] == "not-covered"
    assert "contract-price" not in results


def test_a_benefit_that_the_class_does_not_grant():
    (one,) = decide(submission(line(), claim_type=ClaimType.ORAL), terms(benefit("dental", covered=False))).lines
    assert (one.outcome, one.denial_code) == (Outcome.REJECTED, "CV-1-4")


def test_service_before_birth():
    claim = submission(line(), subject=Subject(name="Omar", birth_date=date(2026, 3, 11)))
    (one,) = decide(claim, terms()).lines
    assert one.denial_code == "AD-2-1"


def test_nobody_is_covered_without_terms():
    decision = decide(submission(line("100", "15")), None)
    (one,) = decision.lines
    assert (decision.outcome, one.denial_code, str(one.billed)) == (Outcome.REJECTED, "CV-2-1", "115.00")
    assert one.reason_ar


@pytest.mark.parametrize(
    ("claim_type", "sub_type", "expected"),
    [
        (ClaimType.INSTITUTIONAL, "ip", "inpatient"),
        (ClaimType.INSTITUTIONAL, None, "inpatient"),
        (ClaimType.INSTITUTIONAL, "emr", "outpatient"),
        (ClaimType.PROFESSIONAL, "op", "outpatient"),
        (ClaimType.PROFESSIONAL, "emr", "outpatient"),
        (ClaimType.PHARMACY, "op", "pharmacy"),
        (ClaimType.ORAL, None, "dental"),
        (ClaimType.VISION, "op", "optical"),
    ],
)
def test_benefit_class(claim_type, sub_type, expected):
    (one,) = decide(submission(line(), claim_type=claim_type, sub_type=sub_type), terms()).lines
    assert one.benefit == expected


@pytest.mark.parametrize(
    ("change", "diagnoses", "expected"),
    [
        ({"maternity": True}, (), "maternity"),
        ({}, (Diagnosis(1, "O80", "principal"),), "maternity"),
        ({}, (Diagnosis(1, "Z34.9", "principal"),), "maternity"),
        ({}, (Diagnosis(1, "Z38.0", "principal"),), "outpatient"),  # the newborn, not the mother
        ({}, (Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "O80")), "outpatient"),
        ({"diagnosis_sequences": (2,)}, (Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "O80")), "maternity"),
        ({"codes": (Coding(SERVICES, "16520-02-00"),)}, (), "maternity"),
        ({"codes": (Coding(SERVICES, "16520"),)}, (), "outpatient"),
    ],
)
def test_maternity_by_flag_diagnosis_or_code(change, diagnoses, expected):
    (one,) = decide(submission(line(**change), diagnoses=diagnoses), terms()).lines
    assert one.benefit == expected


def test_a_medicine_for_a_pregnant_woman_is_still_pharmacy():
    claim = submission(
        line(maternity=True), claim_type=ClaimType.PHARMACY, diagnoses=(Diagnosis(1, "O21.0", "principal"),)
    )
    assert decide(claim, terms()).lines[0].benefit == "pharmacy"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line("100", net=sar("120")), "BE-1-6"),
        (line("100", quantity="0", net=sar(0)), "SE-1-9"),
        (line("0", "15"), "BE-1-6"),
    ],
)
def test_a_line_that_cannot_be_priced_is_pended_with_its_reason(bad, code):
    decision = decide(submission(bad), terms())
    (one,) = decision.lines
    assert (one.outcome, one.denial_code) == (Outcome.PENDED, code)
    assert one.reason
    assert decision.outcome is Outcome.PENDED


def test_no_price_and_no_percentage_pends():
    (one,) = decide(submission(line()), terms(percent_of_billed=Decimal(0))).lines
    assert (one.outcome, one.denial_code) == (Outcome.PENDED, None)
    assert "No contract has a price" in one.reason


def test_one_pended_line_pends_the_claim_and_nothing_is_drawn_yet():
    decision = decide(
        submission(line("100", sequence=1), line("50", sequence=2, net=sar(51))), terms(), preauth_ref="REF-1"
    )
    assert [one.outcome for one in decision.lines] == [Outcome.APPROVED, Outcome.PENDED]
    assert decision.outcome is Outcome.PENDED
    assert decision.preauth_ref is None
    assert benefit_uses(decision) == ()


def test_a_free_line_is_approved_and_says_so():
    (one,) = decide(submission(line("0")), terms()).lines
    assert (one.outcome, str(one.payer_share)) == (Outcome.APPROVED, "0.00")
    assert "SAR 0.00 allowed" in one.reason


def test_all_approved_all_rejected_or_a_mix():
    dated = line(sequence=2, service_date=date(2025, 12, 31))
    assert decide(submission(line()), terms()).outcome is Outcome.APPROVED
    assert decide(submission(dated), terms()).outcome is Outcome.REJECTED
    assert decide(submission(line(), dated), terms()).outcome is Outcome.PARTIAL
    assert decide(submission(), terms()).outcome is Outcome.PENDED


def test_the_trace_says_when_the_simulator_enrolled_the_member():
    rules = [step.rule for step in decide(submission(line()), terms(enrolled_by_simulator=True)).trace]
    assert rules == ["enrolment", "cover-found"]
    assert [step.rule for step in decide(submission(line()), terms()).trace] == ["cover-found"]
    flagged = decide(submission(line()), terms(), enrolled_by_simulator=True)
    assert flagged.trace[0].result == "enrolled-by-simulator"
    assert flagged.trace[0].text_ar


def test_the_providers_figures_are_never_overwritten():
    billed = line("100", "15", "3")
    claim = submission(billed)
    decide(claim, terms(prices=(price("10"),)))
    assert claim.lines[0] is billed
    assert billed.quantity == 3


def test_a_line_without_a_date_is_served_on_the_day_of_the_claim():
    (one,) = decide(submission(line(service_date=None)), terms(effective_date=DAY, expiry_date=DAY)).lines
    assert one.outcome is Outcome.APPROVED
