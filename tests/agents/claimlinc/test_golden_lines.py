"""Golden lines of each benefit type and each denial code of the rules on cover and money, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest
from claim_builders import DAY, SERVICES, benefit, decide, line, price, sar, submission, terms
from rule_scenarios import SCENARIOS, held, limit, part, rule, wants

from claimlinc import adjudication
from claimlinc.adjudication import RULES, benefit_uses, words
from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.contract import ClaimType, Coding, Diagnosis, LineDecision, Outcome, Subject, Use
from policylinc.contract import BenefitUse, LimitPer, ServiceRuleKind

FIGURES = ("allowed", "deductible", "copay", "tax", "payer_share", "patient_share")
SINCE = date(2026, 1, 1)


def figures(one: LineDecision) -> str:
    return " ".join(str(getattr(one, name)) for name in FIGURES)


def said(one: LineDecision, name: str) -> dict[str, str]:
    """Return the inputs of a rule's step."""
    return next(step.inputs for step in one.trace if step.rule == name)


# One of each benefit type ------------------------------------------------------------------------


def test_inpatient_three_nights_of_a_room():
    """Room 600 x 3 = 1800, VAT 15 % = 270. Agreed 550 a night: 1650; tax 270 x 1650/1800 = 247.50.

    Deductible 0; co-pay 10 % of 1650 = 165, no cap: payer 1485, tax 247.50 x 1485/1650 = 222.75, together 1707.75;
    patient 165 + 24.75 = 189.75. 1707.75 + 189.75 = 1897.50 = 1650 + 247.50.
    """
    room = line("600", "270", "3", service_end=date(2026, 3, 12))
    claim = submission(room, claim_type=ClaimType.INSTITUTIONAL, sub_type="ip")
    decision = decide(
        claim,
        terms(
            benefit("inpatient", copay_percent=Decimal(10), limits=(limit("days", "year", "30"),)),
            prices=(price("550"),),
            vat_percent=Decimal(15),
        ),
    )
    (one,) = decision.lines
    assert (one.benefit, one.outcome, one.denial_code) == ("inpatient", Outcome.PARTIAL, "BE-1-3")
    assert figures(one) == "1650.00 0.00 165.00 247.50 1707.75 189.75"
    assert benefit_uses(decision) == (BenefitUse("inpatient", sar(1485), sar(0), count=Decimal(3), days=3),)


def test_outpatient_consultation():
    """Consultation 150: co-pay 20 % = 30 of a cap of 75: payer 120, patient 30."""
    (one,) = decide(submission(line("150")), terms(benefit(copay_percent=Decimal(20), copay_cap=sar(75)))).lines
    assert (one.benefit, one.outcome) == ("outpatient", Outcome.APPROVED)
    assert figures(one) == "150.00 0.00 30.00 0.00 120.00 30.00"


def test_pharmacy_with_a_cap_for_each_item():
    """Two medicines, 20 % capped at 30 an item: 20 % of 200 = 40, so 30; 20 % of 100 = 20. Payer 170 and 80."""
    claim = submission(line("200", sequence=1), line("100", sequence=2), claim_type=ClaimType.PHARMACY)
    agreed = benefit("pharmacy", copay_percent=Decimal(20), copay_cap=sar(30), copay_cap_per=LimitPer.ITEM)
    first, second = decide(claim, terms(agreed)).lines
    assert figures(first) == "200.00 0.00 30.00 0.00 170.00 30.00"
    assert figures(second) == "100.00 0.00 20.00 0.00 80.00 20.00"


def test_dental_within_its_limit():
    """Dental 400 with 60 tax; limit 2000, used 1700: 300 left. Payer 300 + 60 x 300/400 = 45; patient 100 + 15."""
    claim = submission(line("400", "60"), claim_type=ClaimType.ORAL)
    (one,) = decide(claim, terms(benefit("dental", limit=sar(2000), used=sar(1700)), vat_percent=Decimal(15))).lines
    assert (one.benefit, one.outcome, one.denial_code) == ("dental", Outcome.PARTIAL, "CV-1-8")
    assert figures(one) == "400.00 0.00 0.00 60.00 345.00 115.00"


def test_optical_frame_over_its_limit():
    """Glasses 600, limit 400 a year, all of it open: payer 400, patient 200."""
    (one,) = decide(
        submission(line("600"), claim_type=ClaimType.VISION), terms(benefit("optical", limit=sar(400)))
    ).lines
    assert (one.benefit, one.outcome, one.denial_code) == ("optical", Outcome.PARTIAL, "CV-1-8")
    assert figures(one) == "600.00 0.00 0.00 0.00 400.00 200.00"


def test_maternity_after_its_deductible():
    """Delivery 9000: deductible 500 is open, then 5 % of 8500 = 425: payer 8075, patient 925."""
    claim = submission(line("9000", maternity=True), claim_type=ClaimType.INSTITUTIONAL, sub_type="ip")
    (one,) = decide(claim, terms(benefit("maternity", copay_percent=Decimal(5)), deductible=sar(500))).lines
    assert (one.benefit, one.outcome) == ("maternity", Outcome.APPROVED)
    assert figures(one) == "9000.00 500.00 425.00 0.00 8075.00 925.00"


def test_a_part_of_a_benefit_with_its_own_co_pay_and_the_limits_of_both():
    """Physiotherapy 3 x 100: co-pay 50 % = 150, payer 150.

    Its own limit has 120 left: payer 120. Outpatient has 90 left: payer 90, patient 210. Both count 90.
    """
    decision = decide(
        submission(line("100", quantity="3")),
        terms(
            part(copay_percent=Decimal(50), limit=sar(200), used=sar(80)),
            benefit(copay_percent=Decimal(10), limit=sar(1000), used=sar(910)),
        ),
    )
    (one,) = decision.lines
    assert (one.benefit, one.denial_code) == ("physiotherapy", "CV-1-8")
    assert figures(one) == "300.00 0.00 150.00 0.00 90.00 210.00"
    assert said(one, "parent-limit")["left"] == "90.00"
    assert benefit_uses(decision) == (BenefitUse("physiotherapy", sar(90), sar(0), count=Decimal(3), days=1),)


def test_what_a_part_uses_counts_for_its_parent_within_the_claim():
    """Outpatient has 250 left: physiotherapy takes 100 of it, so 150 are left for the consultation of 200."""
    codes = (Coding(SERVICES, "11000-00-00"),)
    claim = submission(line("100", sequence=1), line("200", sequence=2, codes=codes))
    first, second = decide(claim, terms(part(), benefit(limit=sar(250)))).lines
    assert (first.benefit, second.benefit) == ("physiotherapy", "outpatient")
    assert (str(first.payer_share), str(second.payer_share)) == ("100.00", "150.00")


# Which part of a benefit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((part("broad", codes=("83*",)), part("narrow", codes=("83600*",))), "narrow"),
        ((part("range", codes=("83000..83999",)), part("narrow", codes=("83600*",))), "narrow"),
        ((part("narrow", codes=("83600*",)), part("itself", codes=("83600-00-10",))), "itself"),
        ((part("outer"), part("inner", parent="outer")), "inner"),
        ((part("elsewhere", parent="dental"),), "outpatient"),
        ((part("own", parent=None),), "own"),
        ((part("other", codes=("9*",)),), "outpatient"),
        ((part("first"), part("second")), "first"),
    ],
)
def test_the_benefit_that_names_the_code_most_exactly(parts, expected):
    (one,) = decide(submission(line()), terms(*parts)).lines
    assert one.benefit == expected


def test_a_ring_of_parents_ends():
    """Data that the payer's checks refuse must not keep the adjudicator busy."""
    (one,) = decide(submission(line()), terms(part("a", parent="b", codes=()), part("b", parent="a", codes=()))).lines
    assert one.outcome is Outcome.APPROVED


def test_a_part_that_is_not_covered_and_one_that_is():
    """The part decides: excluded physiotherapy of covered care, covered physiotherapy of care that is not."""
    (not_covered,) = decide(submission(line()), terms(part(covered=False))).lines
    (covered,) = decide(submission(line()), terms(part(), benefit(covered=False))).lines
    assert (not_covered.denial_code, covered.outcome) == ("CV-1-4", Outcome.APPROVED)


# Waiting periods and exclusions ------------------------------------------------------------------


@pytest.mark.parametrize(("days", "outcome"), [(68, Outcome.APPROVED), (69, Outcome.REJECTED)])
def test_a_waiting_period_ends_on_its_day(days, outcome):
    """From 1 January, 68 days later is 10 March (31 + 28 + 9): covered. 69 days: 11 March, one day late."""
    (one,) = decide(submission(line()), terms(benefit(waiting_days=days), member_since=SINCE)).lines
    assert (one.outcome, one.denial_code) == (outcome, "CV-1-4" if outcome is Outcome.REJECTED else None)


def test_a_part_waits_as_long_as_its_parent():
    (one,) = decide(submission(line()), terms(part(), benefit(waiting_days=90), member_since=SINCE)).lines
    assert (one.benefit, one.denial_code) == ("physiotherapy", "CV-1-4")
    assert said(one, "waiting-period")["covered_from"] == "2026-04-01"


def test_the_longest_waiting_period_decides():
    waiting = rule(ServiceRuleKind.WAITING, codes=("83600*",), days=30)
    known = terms(benefit(waiting_days=90), rules=(waiting,), member_since=SINCE)
    assert said(decide(submission(line()), known).lines[0], "waiting-period")["waiting_days"] == "90"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"codes": ("83600*",)}, "CV-1-4"),
        ({"codes": ("9*",)}, None),
        ({"diagnoses": ("J06*",)}, "CV-1-3"),
        ({"diagnoses": ("E11*",)}, None),  # secondary, and the line names no diagnosis
        ({"benefits": ("outpatient",)}, "CV-1-4"),
        ({"benefits": ("dental",)}, None),
        ({"codes": ("83600*",), "diagnoses": ("J06*",)}, "CV-1-4"),
        ({"codes": ("83600*",), "diagnoses": ("K35*",)}, None),
        ({}, "CV-1-4"),
    ],
)
def test_an_exclusion_asks_for_all_that_it_names(asked, code):
    diagnoses = (Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "E11.9"))
    known = terms(rules=(rule(ServiceRuleKind.EXCLUSION, **asked),))
    (one,) = decide(submission(line(), diagnoses=diagnoses), known).lines
    assert one.denial_code == code


def test_an_exclusion_of_a_benefit_is_one_of_its_parts():
    known = terms(part(), rules=(rule(ServiceRuleKind.EXCLUSION, benefits=("outpatient",)),))
    assert decide(submission(line()), known).lines[0].denial_code == "CV-1-4"


def test_a_line_that_names_its_diagnosis_is_asked_for_that_one():
    diagnoses = (Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "E11.9"))
    known = terms(rules=(rule(ServiceRuleKind.EXCLUSION, diagnoses=("E11*",)),))
    (one,) = decide(submission(line(diagnosis_sequences=(2,)), diagnoses=diagnoses), known).lines
    assert one.denial_code == "CV-1-3"


# Authorizations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("billed", "code"), [("500", None), ("500.01", "BE-1-4"), ("450", None)]
)  # 450 + 15 % is 517.50: the amount before tax counts
def test_an_authorization_from_an_amount_on(billed, code):
    tax = "67.50" if billed == "450" else "0"
    known = terms(rules=(wants(above=sar(500), benefits=("outpatient",)),))
    (one,) = decide(submission(line(billed, tax)), known).lines
    assert one.denial_code == code


@pytest.mark.parametrize("claim", [{"sub_type": "emr"}, {"encounter_class": "EMER"}])
def test_emergencies_want_no_authorization_unless_the_rule_says_so(claim):
    (free,) = decide(submission(line(), **claim), terms(rules=(wants(),))).lines
    (asked,) = decide(submission(line(), **claim), terms(rules=(wants(), wants(in_emergencies=True)))).lines
    assert (free.outcome, asked.denial_code) == (Outcome.APPROVED, "BE-1-4")


def test_an_authorization_is_used_up_line_by_line():
    """5 units and SAR 1000 are left. Line 1: 3 x 100 fits, 2 and 700 are left. Line 2: 3 x 100, 2 of them: 200.

    Line 3 finds nothing. What is over is not allowed, so it is not the patient's either.
    """
    lines = [line("100", quantity="3", sequence=number) for number in (1, 2, 3)]
    decision = decide(submission(*lines), terms(rules=(wants(),)), authorizations=(held("5", "1000"),))
    first, second, third = decision.lines
    assert figures(first) == "300.00 0.00 0.00 0.00 300.00 0.00"
    assert figures(second) == "200.00 0.00 0.00 0.00 200.00 0.00"
    assert figures(third) == "0.00 0.00 0.00 0.00 0.00 0.00"
    assert [one.denial_code for one in decision.lines] == [None, "BE-1-5", "BE-1-5"]
    assert [one.outcome for one in decision.lines] == [Outcome.APPROVED, Outcome.PARTIAL, Outcome.REJECTED]
    assert [str(one.approved_quantity) for one in decision.lines] == ["3", "2", "0"]
    assert [one.authorization for one in decision.lines] == ["AUT-1", "AUT-1", None]


def test_the_amount_of_an_authorization_is_counted_before_the_shares():
    """SAR 150 are left. Line 1 allows 100 (the patient's half is in it), so 50 are left for line 2 of 100."""
    decision = decide(
        submission(line("100", sequence=1), line("100", sequence=2)),
        terms(benefit(copay_percent=Decimal(50)), rules=(wants(),)),
        authorizations=(held("5", "150"),),
    )
    assert [figures(one) for one in decision.lines] == [
        "100.00 0.00 50.00 0.00 50.00 50.00",
        "50.00 0.00 25.00 0.00 25.00 25.00",
    ]


def test_the_authorization_that_has_enough_is_used_first():
    known = (held("1", "1000"), held("5", "1000", reference="AUT-2"))
    (one,) = decide(submission(line(quantity="3")), terms(rules=(wants(),)), authorizations=known).lines
    assert (one.authorization, one.outcome) == ("AUT-2", Outcome.APPROVED)


def test_a_claim_is_held_to_the_authorizations_that_it_names():
    known = (held("1", "1000"), held("5", "1000", reference="AUT-2"))
    claim = submission(line(quantity="3"), preauth_refs=("AUT-1",))
    (one,) = decide(claim, terms(rules=(wants(),)), authorizations=known).lines
    assert (one.authorization, one.denial_code, str(one.allowed)) == ("AUT-1", "BE-1-5", "100.00")


def test_an_authorization_that_is_not_wanted_is_not_used():
    (one,) = decide(submission(line(quantity="9")), terms(), authorizations=(held("1", "1"),)).lines
    assert (one.outcome, one.authorization) == (Outcome.APPROVED, None)


def test_a_request_for_an_authorization_needs_none():
    (one,) = decide(submission(line(), use=Use.PREAUTHORIZATION), terms(rules=(wants(),))).lines
    assert one.outcome is Outcome.APPROVED


@pytest.mark.parametrize(
    ("named", "authorization", "code"),
    [
        ((), {"valid_to": date(2026, 3, 9)}, "AD-2-6"),
        ((), {"valid_from": date(2026, 3, 11)}, "AD-2-6"),
        ((), {"valid_from": DAY, "valid_to": DAY}, None),
        (("AUT-1",), {}, None),
        (("AUT-9",), {}, "BE-1-4"),
        (("AUT-1",), {"codes": (Coding(SERVICES, "1"),)}, "BE-1-5"),
        ((), {"codes": (Coding(SERVICES, "1"),)}, "BE-1-4"),
        ((), {"codes": (Coding("http://clinic.test/codes", "83600-00-10"),)}, "BE-1-4"),
    ],
)
def test_an_authorization_must_be_of_the_day_the_service_and_the_claim(named, authorization, code):
    """The service of 10 March. A denied line allows and pays nothing: all six figures are 0."""
    claim = submission(line(), preauth_refs=named)
    (one,) = decide(claim, terms(rules=(wants(),)), authorizations=(held(**authorization),)).lines
    assert one.denial_code == code
    assert figures(one) == " ".join(["0.00"] * 6 if code else ["100.00", "0.00", "0.00", "0.00", "100.00", "0.00"])


# Networks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "in_network", "code"),
    [
        ({}, True, None),
        ({}, False, "CV-1-1"),
        ({"sub_type": "emr"}, False, None),
        ({"priority": "stat"}, False, "CV-1-1"),
    ],
)
def test_a_provider_outside_the_network_is_paid_for_emergencies(claim, in_network, code):
    """100 is paid inside the network and for an emergency outside of it; else nothing, and an urgent claim is none."""
    (one,) = decide(submission(line(), **claim), terms(network="Gold", in_network=in_network)).lines
    assert (one.denial_code, str(one.payer_share)) == (code, "0.00" if code else "100.00")


# VAT ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "quantity", "tax", "allowed", "outcome", "code"),
    [
        ("100", "1", "15.00", "15.00", Outcome.APPROVED, None),
        ("100", "1", "5.00", "5.00", Outcome.APPROVED, None),  # less than the rate is what was billed
        ("33.30", "3", "14.99", "14.99", Outcome.APPROVED, None),  # 99.90 x 15 % = 14.985
        ("33.30", "3", "15.00", "15.00", Outcome.APPROVED, None),  # by unit: 4.995 is 5.00, three times
        ("33.30", "3", "15.01", "15.00", Outcome.PARTIAL, "BE-1-6"),
        ("100", "1", "30.00", "15.00", Outcome.PARTIAL, "BE-1-6"),
        ("100", "1", "100.00", "0.00", Outcome.PENDED, "BE-1-6"),
    ],
)
def test_no_more_tax_than_the_rate(unit, quantity, tax, allowed, outcome, code):
    (one,) = decide(submission(line(unit, tax, quantity)), terms(vat_percent=Decimal(15))).lines
    assert (one.outcome, one.denial_code, str(one.tax)) == (outcome, code, allowed)


def test_tax_that_was_cut_shrinks_again_with_an_agreed_price():
    """Billed 100 + 30: 15 of the tax is allowed. Agreed 80: tax 15 x 80/100 = 12; payer 92."""
    (one,) = decide(submission(line("100", "30")), terms(prices=(price("80"),), vat_percent=Decimal(15))).lines
    assert figures(one) == "80.00 0.00 0.00 12.00 92.00 0.00"


# Limits of units and days ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "code"),
    [("year", "CV-3-4"), ("lifetime", "CV-3-3"), ("visit", "CV-3-1"), ("item", "CV-3-1")],
)
def test_a_count_limit_pays_for_the_units_that_fit(per, code):
    """3 units of 100 with 20 % co-pay: payer 240. Two fit: 240 x 2/3 = 160, patient 60 + 80; 2 are approved of 3."""
    known = terms(benefit(copay_percent=Decimal(20), limits=(limit("count", per, "2"),)))
    billed = line("100", quantity="3")
    decision = decide(submission(billed), known)
    (one,) = decision.lines
    assert (one.outcome, one.denial_code, str(one.approved_quantity)) == (Outcome.PARTIAL, code, "2")
    assert figures(one) == "300.00 0.00 60.00 0.00 160.00 140.00"
    assert billed.quantity == 3
    assert benefit_uses(decision)[0].count == 2


@pytest.mark.parametrize(
    ("per", "approved"),
    [("year", ["2", "1", "0"]), ("lifetime", ["2", "1", "0"]), ("visit", ["2", "1", "2"]), ("item", ["2", "2", "2"])],
)
def test_what_a_count_limit_is_counted_over(per, approved):
    """Limit 3 (of an item: 2), lines of 2 units on day one, day one and day two."""
    days = (date(2026, 3, 10), date(2026, 3, 10), date(2026, 3, 11))
    lines = [line("10", quantity="2", sequence=n, service_date=day) for n, day in enumerate(days, start=1)]
    known = terms(benefit(limits=(limit("count", per, "2" if per == "item" else "3"),)))
    assert [str(one.approved_quantity) for one in decide(submission(*lines), known).lines] == approved


def test_units_of_a_part_count_for_the_limits_above():
    """Outpatient has 4 units left, physiotherapy 3: 2 of it fit; then 2 are left of outpatient, 1 of physiotherapy."""
    lines = [line("10", quantity="2", sequence=1), line("10", quantity="2", sequence=2)]
    known = terms(
        part(limits=(limit("count", "year", "3"),)), benefit(limits=(limit("count", "year", "10", used="6"),))
    )
    first, second = decide(submission(*lines), known).lines
    assert (str(first.approved_quantity), str(second.approved_quantity)) == ("2", "1")
    assert said(second, "service-limit")["limit_of"] == "physiotherapy"


def test_a_stay_longer_than_the_days_that_are_left():
    """Five nights at 100, 10 to 14 March; 3 of 30 days are left: 3/5 of 500 = 300, three nights approved."""
    stay = line("100", quantity="5", service_end=date(2026, 3, 14))
    decision = decide(submission(stay), terms(benefit(limits=(limit("days", "year", "30", used="27"),))))
    (one,) = decision.lines
    assert (one.outcome, one.denial_code, str(one.approved_quantity)) == (Outcome.PARTIAL, "CV-3-1", "3")
    assert figures(one) == "500.00 0.00 0.00 0.00 300.00 200.00"
    assert benefit_uses(decision) == (BenefitUse("outpatient", sar(300), sar(0), count=Decimal(3), days=3),)


def test_a_day_counts_once_for_all_lines_of_a_claim():
    """Two days are left; three lines: day one, day one again, and days one to three, of which two are new.

    One of the two new ones fits: two of three days are paid, 30 x 2/3 = 20, and 0.6666 of the one unit, rounded down.
    """
    lines = [
        line("10", sequence=1),
        line("10", sequence=2),
        line("30", sequence=3, service_end=date(2026, 3, 12)),
    ]
    decision = decide(submission(*lines), terms(benefit(limits=(limit("days", "lifetime", "2"),))))
    assert [str(one.payer_share) for one in decision.lines] == ["10.00", "10.00", "20.00"]
    assert str(decision.lines[2].approved_quantity) == "0.6666"
    assert benefit_uses(decision)[0].days == 2


def test_a_rejected_line_uses_nothing():
    """The annual limit has 50: line 1 takes it, line 2 is rejected and leaves its unit and its day."""
    lines = [line("50", sequence=1), line("50", sequence=2, service_date=date(2026, 3, 11))]
    decision = decide(submission(*lines), terms(benefit(limits=(limit("count", "year", "9"),)), annual_limit=sar(50)))
    assert [one.denial_code for one in decision.lines] == [None, "CV-1-8"]
    assert benefit_uses(decision) == (BenefitUse("outpatient", sar(50), sar(0), count=Decimal(1), days=1),)


def test_the_tightest_of_several_limits_decides():
    """A visit may cost 80, a lifetime has 60 left, the year 500: of 100 the payer pays 60."""
    known = benefit(limit=sar(500), limits=(limit("amount", "visit", "80"), limit("amount", "lifetime", "100", "40")))
    (one,) = decide(submission(line()), terms(known)).lines
    assert (one.denial_code, str(one.payer_share)) == ("CV-3-1", "60.00")
    assert said(one, "benefit-limit")["per"] == "lifetime"


def test_a_limit_of_a_visit_is_open_again_on_the_next_day():
    days = (date(2026, 3, 10), date(2026, 3, 10), date(2026, 3, 11))
    lines = [line("60", sequence=n, service_date=day) for n, day in enumerate(days, start=1)]
    decision = decide(submission(*lines), terms(benefit(limits=(limit("amount", "visit", "100"),))))
    assert [str(one.payer_share) for one in decision.lines] == ["60.00", "40.00", "60.00"]


def test_years_of_days_in_one_line_are_no_work():
    stay = line("100", service_date=date(1900, 1, 1), service_end=date(2026, 3, 10))
    known = terms(benefit(limits=(limit("days", "year", "30"),)), effective_date=date(1899, 1, 1))
    (one,) = decide(submission(stay, subject=Subject("Sara")), known).lines
    assert (one.denial_code, str(one.approved_quantity)) == ("CV-3-1", "0.0081")  # 30 of 3660 days


# Each denial code --------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", sorted({c.code for r in (*CLAIM_RULES, *RULES) for c in r.cases.values() if c.code}))
def test_each_denial_code_is_given_and_says_why(wanted):
    """Each code that a rule may give is the code of a line whose reason has the words of that rule's case."""
    for claim, facts in SCENARIOS:
        for one in words.with_reasons(adjudication.decide(claim, facts)).lines:
            if one.denial_code == wanted:
                step = words.deciding(one)
                assert step is not None
                assert (one.reason, one.reason_ar) == words.say(step)
                assert one.outcome is not Outcome.APPROVED
                return
    pytest.fail(f"no scenario of rule_scenarios.py is denied with {wanted}")
