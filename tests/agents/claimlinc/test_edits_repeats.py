"""Golden cases of services that come again: duplicates and frequency; the day of service is 2026-03-10."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from claim_builders import DAY, SERVICES, benefit, decide, line, sar, submission, terms
from edit_builders import CLINIC, OTHER_CLINIC, coded, denials, found, past, payer_rule, step_of

from claimlinc.adjudication import words
from claimlinc.contract import ClaimType, Coding, Outcome, Use
from policylinc.contract import ServiceRuleKind

ORAL = {"claim_type": ClaimType.ORAL}
FREQUENCY = ServiceRuleKind.FREQUENCY
THREE_IN_30 = payer_rule(FREQUENCY, days=30, count=3, codes=("83620*",), text="Physiotherapy", text_ar="علاج طبيعي")


# Duplicates --------------------------------------------------------------------------------------


def test_the_second_line_of_a_claim_is_the_duplicate():
    """Lines 1 and 2 bill 83600-00-10 at 100.00 on 10 March: 100.00 is paid once."""
    decision = decide(submission(coded(sequence=1), coded(sequence=2)), terms())
    assert found(decision, "duplicate") == ["clear", "in-claim"]
    assert denials(decision) == [None, "AD-2-4"]
    assert [str(one.payer_share) for one in decision.lines] == ["100.00", "0.00"]
    assert decision.outcome is Outcome.PARTIAL
    assert words.reason(decision.lines[1])[0] == (
        "Line 1 of this claim bills the same service 83600-00-10 on 2026-03-10."
    )


def test_what_an_earlier_claim_was_paid_for_is_not_paid_again():
    decision = decide(submission(coded()), terms(), history=(past(claim="req_0", sequence=4),))
    assert denials(decision) == ["AD-2-4"]
    assert words.reason(decision.lines[0])[0] == (
        "Line 4 of claim req_0 billed the same service 83600-00-10 on 2026-03-10."
    )


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ({}, True),
        ({"outcome": Outcome.PARTIAL}, True),
        ({"outcome": Outcome.PENDED}, True),  # it waits: both might be paid otherwise
        ({"outcome": Outcome.REJECTED}, False),
        ({"service_date": DAY - timedelta(days=1)}, False),
        ({"code": "83600-00-00"}, False),
        ({"codes": (Coding("http://local", "83600-00-10"),)}, False),  # the same number in another system
        ({"codes": (Coding("http://local", "X"), Coding(SERVICES, "83600-00-10"))}, True),
        ({"body_site": "11"}, False),
        ({"claim_system": "http://other.test/claim"}, False),  # of a provider whom nobody knows: another one
    ],
)
def test_what_makes_a_line_of_before_the_same(more, same):
    decision = decide(submission(coded()), terms(), history=(past(**more),))
    assert found(decision, "duplicate") == ["in-history" if same else "clear"]


@pytest.mark.parametrize(("provider", "case"), [(CLINIC, "in-history"), (OTHER_CLINIC, "clear"), (None, "clear")])
def test_another_provider_s_service_is_no_duplicate(provider, case):
    decision = decide(
        submission(coded()),
        terms(),
        history=(past(provider_organization_id=provider),),
        provider_organization_id=CLINIC,
    )
    assert found(decision, "duplicate") == [case]


@pytest.mark.parametrize(
    ("site", "surfaces", "case"),
    [
        ("11", ("M",), "in-history"),
        ("11", ("M", "D"), "in-history"),  # one surface is enough
        ("11", (), "in-history"),  # the whole tooth
        ("11", ("D",), "clear"),
        ("12", ("M",), "clear"),
        (None, ("M",), "clear"),
    ],
)
def test_a_tooth_and_its_surfaces(site, surfaces, case):
    """Surface M of tooth 11 was filled that day."""
    made = submission(coded("97541-01-00", body_site=site, surfaces=surfaces), **ORAL)
    decision = decide(made, terms(), history=(past("97541-01-00", body_site="11", surfaces=("M",)),))
    assert found(decision, "duplicate") == [case]


def test_a_claim_that_corrects_another_is_no_duplicate_of_it():
    old, older = past(claim="req_0"), past(claim="req_00", sequence=2)
    made = submission(coded())
    assert found(decide(made, terms(), history=(old,), corrects=("req_0",)), "duplicate") == ["clear"]
    assert found(decide(made, terms(), history=(older, old), corrects=("req_0",)), "duplicate") == ["in-history"]
    other = past(claim="req_0", provider_organization_id=OTHER_CLINIC)  # a number of somebody else
    decision = decide(made, terms(), history=(other, old), corrects=("req_0",))
    assert found(decision, "duplicate") == ["clear"]


def test_a_pre_authorization_is_held_against_its_own_lines_only():
    made = submission(coded(sequence=1), coded(sequence=2), use=Use.PREAUTHORIZATION)
    assert found(decide(made, terms(), history=(past(),)), "duplicate") == ["clear", "in-claim"]


def test_an_unlisted_code_stands_for_many_services():
    made = submission(coded("83700-00-00", sequence=1), coded("83700-00-00", sequence=2))
    assert found(decide(made, terms(), history=(past("83700-00-00"),)), "duplicate") == ["clear", "clear"]


def test_a_line_stands_where_the_first_one_was_rejected():
    """Line 1, a man's service for a woman, is rejected; line 2 is rejected for that, and not as its double."""
    made = submission(coded("37200-04-00", sequence=1), coded("37200-04-00", sequence=2))
    decision = decide(made, terms())
    assert denials(decision) == ["AD-3-8", "AD-3-8"]
    assert found(decision, "duplicate") == ["clear", "clear"]


# Frequency ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "case"),
    [
        (date(2025, 9, 10), "within"),  # six months to the day
        (date(2025, 9, 11), "too-often"),
        (date(2026, 3, 9), "too-often"),
        (date(2026, 9, 9), "too-often"),  # it came in first
        (date(2026, 9, 10), "within"),
    ],
)
def test_a_periodic_oral_examination_comes_every_six_months(before, case):
    """97012-00-00 on 10 March 2026, six months from 10 September 2025 and to 10 September 2026, at any dentist."""
    made = submission(coded("97012-00-00"), **ORAL)
    seen = past("97011-00-00", service_date=before, provider_organization_id=OTHER_CLINIC)
    decision = decide(made, terms(), history=(seen,), provider_organization_id=CLINIC)
    assert found(decision, "frequency") == [case]
    assert denials(decision) == ["CV-3-2" if case == "too-often" else None]


def test_a_first_examination_is_not_asked_about_periodic_ones():
    made = submission(coded("97011-00-00"), **ORAL)
    assert found(decide(made, terms(), history=(past("97012-00-00"),)), "frequency") == ["clear"]


def test_intensive_care_is_rounded_once_a_day():
    """Quantity 1 a day: rounds of the same kind of doctor at two sites of a day are one too many."""
    made = submission(coded("83600-02-90", sequence=1), coded("83600-03-00", sequence=2))
    assert denials(decide(made, terms())) == [None, "CV-3-2"]
    apart = submission(
        coded("83600-02-90", sequence=1), coded("83600-02-90", sequence=2, service_date=date(2026, 3, 11))
    )
    assert denials(decide(apart, terms())) == [None, None]


def sessions(*days: int) -> list:
    return [
        past("83620-00-10", service_date=DAY + timedelta(days=n), decision_id=UUID(int=1000 + n), claim=f"r{n}")
        for n in days
    ]


@pytest.mark.parametrize(
    ("days", "case", "used"),
    [
        ((), "within", "0"),
        ((-29, -1), "within", "2"),
        ((-30, -29, -1), "within", "2"),  # 30 days before lies outside of every window of 30 days
        ((-29, -20, -1), "payer-too-often", "3"),
        ((-20, -1, 9), "payer-too-often", "3"),  # from 18 February to 19 March: 30 days
        ((-20, -1, 10), "within", "2"),  # no window holds -20 and 10
        ((1, 5, 29), "payer-too-often", "3"),
    ],
)
def test_three_sessions_in_any_thirty_days(days, case, used):
    """The payer pays 3 units in 30 days; the session of 10 March is the third or fourth of its fullest window."""
    made = submission(coded("83620-00-10"))
    decision = decide(made, terms(rules=(THREE_IN_30,)), history=tuple(sessions(*days)))
    step = step_of(decision, "frequency")
    assert (step.case, step.inputs["used"]) == (case, used)
    if case != "within":
        assert denials(decision) == ["CV-3-2"]
        assert "(Physiotherapy)" in words.say(step)[0]
        assert "(علاج طبيعي)" in words.say(step)[1]


def test_a_quantity_that_fits_in_part_waits_for_a_person():
    """2 of 3 were used, 2 are billed: one fits. 3 used: none does."""
    made = submission(coded("83620-00-10", quantity="2"))
    agreed = terms(rules=(THREE_IN_30,))
    (waits,) = decide(made, agreed, history=tuple(sessions(-2, -1))).lines
    assert (waits.outcome, waits.denial_code, str(waits.payer_share)) == (Outcome.PENDED, "CV-3-2", "0.00")
    (rejected,) = decide(made, agreed, history=tuple(sessions(-3, -2, -1))).lines
    assert rejected.outcome is Outcome.REJECTED


def test_lines_of_the_claim_count_one_after_the_other():
    """4 lines of one unit on four days, of 3 in 30 days: the fourth of the claim's order is too much."""
    lines = [
        coded("83620-00-10", sequence=n, service_date=DAY + timedelta(days=day))
        for n, day in ((1, 6), (2, 0), (3, 2), (4, 1))
    ]
    assert denials(decide(submission(*lines), terms(rules=(THREE_IN_30,)))) == [None, None, None, "CV-3-2"]


def test_a_rule_on_a_benefit_counts_its_sub_benefits():
    """2 a year of outpatient care: a session before, of a part of it, and line 1 count; a dental visit does not."""
    physio = benefit("physiotherapy", parent="outpatient", codes=("83620*",))
    rule = payer_rule(FREQUENCY, days=365, count=2, benefits=("outpatient",))
    history = (
        past("83620-00-10", service_date=DAY - timedelta(days=9), benefit="physiotherapy"),
        past("97011-00-00", service_date=DAY - timedelta(days=8), benefit="dental", sequence=2),
    )
    made = submission(coded("83620-00-10", sequence=1), coded("83600-00-00", sequence=2))
    decision = decide(made, terms(physio, rules=(rule,)), history=history)
    assert [step_of(decision, "frequency", place).inputs["used"] for place in (0, 1)] == ["1", "2"]
    assert denials(decision) == [None, "CV-3-2"]


def test_a_count_of_nothing_pays_nothing():
    rule = payer_rule(FREQUENCY, days=1, count=0)
    decision = decide(submission(line("10", net=sar(10))), terms(rules=(rule,)))
    assert denials(decision) == ["CV-3-2"]
