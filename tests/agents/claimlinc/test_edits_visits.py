"""Golden cases of filing, follow-ups, refills and packages; the day of service is 2026-03-10 unless it says so."""

from datetime import date, timedelta

import pytest
from claim_builders import DAY, SERVICES, decide, sar, submission, terms
from edit_builders import CLINIC, OTHER_CLINIC, coded, denials, found, past, payer_rule, step_of

from claimlinc.adjudication import words
from claimlinc.adjudication.lines import days_supply_of
from claimlinc.contract import (
    CareTeamMember,
    ClaimType,
    Coding,
    Diagnosis,
    Outcome,
    SubLine,
    SupportingInfo,
    Use,
)
from masterlinc.money import Quantity
from policylinc.contract import ServiceRuleKind

DOCTOR = (CareTeamMember(1, "Dr Sami", "DOC-1"),)
DRUGS = "http://nphies.sa/terminology/CodeSystem/medication-codes"
TABLETS = (Coding(DRUGS, "06285096001627"),)


# Filing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "case", "code"),
    [
        (date(2026, 3, 10), "in-time", None),
        (date(2026, 4, 24), "in-time", None),  # 45 days
        (date(2026, 4, 25), "late", "AD-2-5"),  # 46 days
        (date(2026, 3, 9), "in-time", None),  # billed ahead: another rule's business
    ],
)
def test_a_claim_comes_within_45_days(received, case, code):
    """10 March and 45 days is 24 April: 21 days of March are left, and 24 of April."""
    decision = decide(submission(coded()), terms(filing_days=45), received_on=received)
    assert found(decision, "filing-time") == [case]
    assert denials(decision) == [code]


def test_the_days_of_a_stay_are_counted_from_its_end():
    """A stay from 10 to 20 March may be filed until 4 May: 45 days after the 20th."""
    stay = submission(coded(service_end=date(2026, 3, 20)), claim_type=ClaimType.INSTITUTIONAL)
    assert found(decide(stay, terms(filing_days=45), received_on=date(2026, 5, 4)), "filing-time") == ["in-time"]
    assert found(decide(stay, terms(filing_days=45), received_on=date(2026, 5, 5)), "filing-time") == ["late"]


def test_who_sets_no_days_who_asks_and_who_corrects_is_in_time():
    late = date(2027, 1, 1)
    asks = submission(coded(), use=Use.PREAUTHORIZATION)
    assert found(decide(submission(coded()), terms(), received_on=late), "filing-time") == ["no-limit"]
    assert found(decide(submission(coded()), terms(filing_days=45)), "filing-time") == ["no-limit"]
    assert found(decide(asks, terms(filing_days=45), received_on=late), "filing-time") == ["no-limit"]
    again = decide(submission(coded()), terms(filing_days=45), received_on=late, corrects=("req_0",))
    assert found(again, "filing-time") == ["corrects"]


# Follow-up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (date(2026, 2, 24), "CV-1-9"),  # 14 days before: 4 of February and 10 of March
        (date(2026, 2, 23), None),  # 15 days
        (date(2026, 3, 9), "CV-1-9"),
        (date(2026, 3, 11), None),  # it comes later
    ],
)
def test_a_consultation_within_fourteen_days_belongs_to_the_first(first, code):
    decision = decide(submission(coded()), terms(follow_up_days=14), history=(past(service_date=first),))
    assert denials(decision) == [code]
    if code:
        assert f"that of {first}" in words.reason(decision.lines[0])[0]


def test_without_a_window_there_is_no_follow_up():
    decision = decide(submission(coded()), terms(), history=(past(service_date=date(2026, 3, 9)),))
    assert denials(decision) == [None]


@pytest.mark.parametrize(
    ("more", "is_follow_up"),
    [
        ({}, True),
        ({"code": "83600-00-00"}, True),  # another kind of consultation
        ({"code": "57506-04-21"}, False),  # an X-ray
        ({"practitioner": "DOC-1"}, True),
        ({"practitioner": "DOC-2"}, False),
        ({"practitioner": None}, True),  # so far as is known
        ({"diagnoses": ("J06.0", "E11.9")}, True),  # J06 again
        ({"diagnoses": ("E11.9",)}, False),
        ({"diagnoses": ()}, False),
        ({"outcome": Outcome.REJECTED}, False),
        ({"outcome": Outcome.PENDED}, True),
        ({"provider_organization_id": OTHER_CLINIC}, False),
    ],
)
def test_what_makes_a_visit_the_follow_up_of_another(more, is_follow_up):
    """DOC-1 sees the patient with J06.9 on 10 March; the visit before was on 1 March."""
    first = past(**({"provider_organization_id": CLINIC, "service_date": date(2026, 3, 1)} | more))
    decision = decide(
        submission(coded(), care_team=DOCTOR),
        terms(follow_up_days=14),
        history=(first,),
        provider_organization_id=CLINIC,
    )
    assert found(decision, "follow-up") == ["follow-up" if is_follow_up else "clear"]


def test_nothing_follows_a_follow_up():
    """The visit of 10 March follows that of the 1st; the one of the 20th, 19 days on, is the first of the 31st."""
    visits = [coded(sequence=n, service_date=date(2026, 3, day)) for n, day in ((1, 20), (2, 1), (3, 10), (4, 31))]
    decision = decide(submission(*visits), terms(follow_up_days=14))
    assert denials(decision) == [None, None, "CV-1-9", "CV-1-9"]
    assert step_of(decision, "follow-up", 3).inputs["consulted_on"] == "2026-03-20"


def test_a_follow_up_code_has_no_price():
    priced = decide(submission(coded("83600-00-40")), terms())
    assert (found(priced, "follow-up"), denials(priced)) == (["free-code"], ["CV-1-9"])
    free = decide(submission(coded("83600-00-50", net=sar(0), unit_price=sar(0))), terms())
    assert found(free, "follow-up") == ["clear"]


# Refills -----------------------------------------------------------------------------------------


def dispensed(day: date, **more):
    return past(**({"codes": TABLETS, "service_date": day, "days_supply": 30, "benefit": "pharmacy"} | more))


def tablets(**more):
    return submission(coded(codes=TABLETS, **more), claim_type=ClaimType.PHARMACY)


@pytest.mark.parametrize(
    ("before", "case"),
    [
        (date(2026, 2, 14), "due"),  # 24 of 30 days are over
        (date(2026, 2, 15), "too-soon"),  # 23
        (date(2026, 3, 9), "too-soon"),
        (date(2025, 12, 1), "due"),
    ],
)
def test_a_supply_of_thirty_days_may_be_renewed_after_twentyfour(before, case):
    """A fifth of 30 days is 6: from the 24th day on. 14 February and 24 days is 10 March."""
    decision = decide(
        tablets(),
        terms(),
        history=(dispensed(before, provider_organization_id=OTHER_CLINIC),),
        provider_organization_id=CLINIC,
    )
    assert found(decision, "refill") == [case]
    assert denials(decision) == ["CV-4-8" if case == "too-soon" else None]


def test_a_week_s_supply_leaves_a_day():
    """A fifth of 7 days is 1.4, one whole day: 4 March and 6 days is 10 March."""
    week = (dispensed(date(2026, 3, 4), days_supply=7),)
    assert found(decide(tablets(), terms(), history=week), "refill") == ["due"]
    week = (dispensed(date(2026, 3, 5), days_supply=7),)
    assert found(decide(tablets(), terms(), history=week), "refill") == ["too-soon"]


def test_of_several_supplies_the_one_that_lasts_longest_counts():
    long, short = dispensed(date(2026, 1, 1), days_supply=90), dispensed(date(2026, 3, 1), days_supply=5, sequence=2)
    step = step_of(decide(tablets(), terms(), history=(long, short)), "refill")
    assert (step.case, step.inputs["again_from"]) == ("too-soon", "2026-03-14")  # 1 January and 72 days


@pytest.mark.parametrize(
    "more",
    [
        {"days_supply": None},
        {"codes": (Coding(DRUGS, "06285096001628"),)},
        {"outcome": Outcome.REJECTED},
        {"service_date": date(2026, 3, 20)},  # dispensed later
    ],
)
def test_what_keeps_no_medicine_back(more):
    assert denials(decide(tablets(), terms(), history=(dispensed(date(2026, 3, 1), **more),))) == [None]


def test_an_unlisted_medicine_is_not_known_to_be_the_same():
    other = (Coding(DRUGS, "99999999999999"),)
    made = submission(coded(codes=other), claim_type=ClaimType.PHARMACY)
    assert found(decide(made, terms(), history=(dispensed(date(2026, 3, 1), codes=other),)), "refill") == ["clear"]


def test_a_hospital_s_medicine_is_no_refill():
    made = submission(coded(codes=TABLETS), claim_type=ClaimType.INSTITUTIONAL)
    assert found(decide(made, terms(), history=(dispensed(date(2026, 3, 1)),)), "refill") == ["clear"]


# Packages ----------------------------------------------------------------------------------------

EXCISION, LOCALISATION = "31500-00-01", "31536-00-01"


def test_a_part_is_not_paid_beside_its_package_in_whatever_order():
    """31536 (localisation) is included in 31500 (excision of a lesion of the breast): only 31500 is paid."""
    for codes, wanted in (((LOCALISATION, EXCISION), ["CV-4-9", None]), ((EXCISION, LOCALISATION), [None, "CV-4-9"])):
        lines = [coded(code, sequence=n) for n, code in enumerate(codes, start=1)]
        assert denials(decide(submission(*lines), terms())) == wanted


def test_a_part_that_comes_after_its_package_is_not_paid():
    decision = decide(submission(coded(LOCALISATION)), terms(), history=(past(EXCISION),))
    assert (found(decision, "unbundled"), denials(decision)) == (["included-before"], ["CV-4-9"])


def test_a_package_that_comes_after_its_part_waits_for_a_person():
    (one,) = decide(submission(coded(EXCISION)), terms(), history=(past(LOCALISATION),)).lines
    assert (one.outcome, one.denial_code) == (Outcome.PENDED, "CV-4-9")


@pytest.mark.parametrize(
    "more",
    [
        {"service_date": DAY - timedelta(days=1)},
        {"provider_organization_id": OTHER_CLINIC},
        {"outcome": Outcome.REJECTED},
        {"code": "31548-00-01"},
    ],
)
def test_what_includes_nothing(more):
    before = past(**({"code": EXCISION, "provider_organization_id": CLINIC} | more))
    decision = decide(submission(coded(LOCALISATION)), terms(), history=(before,), provider_organization_id=CLINIC)
    assert found(decision, "unbundled") == ["clear"]


def test_a_payer_s_package():
    """By contract a consultation includes dressings (X1 to X9): beside it X2 is not paid, beside an X-ray it is."""
    rule = payer_rule(ServiceRuleKind.PACKAGE, codes=("83600*",), includes=("X1..X9",))
    agreed = terms(rules=(rule,))
    both = (coded("X2", sequence=1), coded(sequence=2))
    assert denials(decide(submission(*both), agreed)) == ["CV-4-9", None]
    assert denials(decide(submission(*both), terms())) == [None, None]
    beside_another = (coded("X2", sequence=1), coded("57506-04-21", sequence=2))
    assert denials(decide(submission(*beside_another), agreed)) == [None, None]
    assert found(decide(submission(coded("X2")), agreed, history=(past(),)), "unbundled") == ["included-before"]
    assert found(decide(submission(coded()), agreed, history=(past("X2"),)), "unbundled") == ["part-before"]


def test_a_package_that_would_include_itself_stands():
    rule = payer_rule(ServiceRuleKind.PACKAGE, codes=("83600*",), includes=("83600*",))
    assert denials(decide(submission(coded()), terms(rules=(rule,)))) == [None]


def test_what_a_package_lists_itself_is_not_billed_beside_it():
    """Line 1 is a package of 500.00 that lists a blood test; line 2 bills the test of that day again."""
    test = (Coding(SERVICES, "73250-00-80"),)
    detail = SubLine(1, test, Quantity(1), sar(50), sar(50), sar(0))
    lines = (coded("90467-00-00", sequence=1, package=True, details=(detail,)), coded(codes=test, sequence=2))
    births = (Diagnosis(1, "O80", "principal"),)
    decision = decide(submission(*lines, diagnoses=births), terms())
    assert (found(decision, "unbundled"), denials(decision)) == (["clear", "in-details"], [None, "CV-4-9"])
    apart = (lines[0], coded(codes=test, sequence=2, service_date=date(2026, 3, 11)))
    assert denials(decide(submission(*apart, diagnoses=births), terms())) == [None, None]


def test_days_of_supply_are_read_from_the_line_s_own_information():
    """The line links 2, not 1; a supply in weeks or in words is none."""

    def supply(text, unit="d"):
        info = (
            SupportingInfo(1, "days-supply", text="9", unit="d"),
            SupportingInfo(2, "days-supply", text=text, unit=unit),
        )
        made = submission(coded(information_sequences=(2,)), supporting_info=info)
        return days_supply_of(made, made.lines[0])

    assert [supply("30"), supply("30.0"), supply("7", None)] == [30, 30, 7]
    assert [supply("4", "wk"), supply("a month"), supply("0"), supply("-3"), supply("99999"), supply("1e3")] == [
        None
    ] * 6
