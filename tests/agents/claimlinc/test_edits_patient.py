"""Golden cases of sex, age and diagnosis; the day of service is 2026-03-10, the patient a woman born on 1990-01-01."""

from datetime import date

import pytest
from claim_builders import DAY, decide, submission, terms
from edit_builders import coded, denials, found, payer_rule, step_of

from claimlinc.adjudication import words
from claimlinc.contract import ClaimType, Diagnosis, Subject
from policylinc.contract import ServiceRuleKind

AGE, SEX = ServiceRuleKind.AGE, ServiceRuleKind.SEX
MAN = Subject("Omar", birth_date=date(1980, 5, 5), gender="male")
DELIVERY = "90467-00-00"
ORCHIDOPEXY = "37604-14-00"
CIRCUMCISION = "30653-00-30"


def with_diagnosis(code, **more):
    return submission(coded(**more.pop("line", {})), diagnoses=(Diagnosis(1, code, "principal"),), **more)


def born(day, gender="male"):
    return Subject("Noor", birth_date=day, gender=gender)


# Sex ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "of"),
    [
        ("O80", "female"),
        ("O99.8", "female"),
        ("Z34.9", "female"),
        ("Z37.0", "female"),
        ("C53.9", "female"),
        ("C56", "female"),
        ("N80.0", "female"),
        ("N98.1", "female"),
        ("R87.6", "female"),
        ("C61", "male"),
        ("N40", "male"),
        ("N51.8", "male"),
        ("D07.5", "male"),
        ("B26.0", "male"),
        ("Z12.5", "male"),
        # of both, beside those
        ("B26.9", None),
        ("C50.9", None),
        ("C64", None),
        ("D07.9", None),
        ("N39.0", None),
        ("N64.4", None),
        ("N99.3", None),
        ("P00.0", None),
        ("Q53", "male"),
        ("Q56.0", None),
        ("Z30.2", None),
        ("Z31.4", None),
        ("Z38.0", None),
        ("Z40.0", None),
    ],
)
def test_diagnoses_of_one_sex(code, of):
    """Each diagnosis for a woman and for a man: AD-3-6 where its title names the other one."""
    for sex, subject in (("female", None), ("male", MAN)):
        more = {"subject": subject} if subject else {}
        decision = decide(with_diagnosis(code, **more), terms())
        step = step_of(decision, "diagnosis-sex")
        assert step.case == ("unasked" if of is None else "suits" if of == sex else f"for-{of}")
        assert ("AD-3-6" in denials(decision)) == (of not in (None, sex))


def test_the_words_name_the_code_and_the_sex():
    step = step_of(decide(with_diagnosis("N40"), terms()), "diagnosis-sex")
    assert words.say(step) == (
        "The diagnosis N40 is of men; the patient is female.",
        "التشخيص N40 خاص بالذكور وجنس المريض أنثى.",
    )


def test_services_of_one_sex():
    assert denials(decide(submission(coded(ORCHIDOPEXY)), terms())) == ["AD-3-8"]
    assert denials(decide(submission(coded(ORCHIDOPEXY), subject=MAN), terms())) == [None]
    births = {"diagnoses": (Diagnosis(1, "O80", "principal"),)}
    assert denials(decide(submission(coded(DELIVERY), **births), terms())) == [None]
    his = decide(submission(coded(DELIVERY), subject=MAN, **births), terms())
    assert denials(his) == ["AD-3-8"]
    assert found(his, "diagnosis-sex") == ["for-female"]  # all edits look


def test_a_medicine_s_number_is_no_service_of_a_range():
    """16512345678901 begins as obstetric procedures do, and has not the shape of their codes."""
    assert found(decide(submission(coded("16512345678901"), subject=MAN), terms()), "service-sex") == ["unasked"]


@pytest.mark.parametrize("gender", [None, "other", "unknown"])
def test_a_sex_that_nobody_told_is_held_against_nobody(gender):
    made = with_diagnosis("O80", subject=Subject("X", birth_date=date(1990, 1, 1), gender=gender))
    decision = decide(made, terms())
    assert (found(decision, "diagnosis-sex"), denials(decision)) == (["unknown"], [None])


def test_the_payer_s_file_says_who_a_member_is():
    """Enrolled as a man, claimed as a woman: a man. A line says of its own diagnoses only."""
    assert denials(decide(with_diagnosis("O80"), terms(sex="male"))) == ["AD-3-6"]
    two = (Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "N40"))
    lines = (coded(sequence=1, diagnosis_sequences=(1,)), coded("57506-04-21", sequence=2, diagnosis_sequences=(1, 2)))
    assert denials(decide(submission(*lines, diagnoses=two), terms())) == [None, "AD-3-6"]


def test_a_newborn_on_the_mother_s_cover_is_who_the_claim_says():
    """The boy of 1 March on the cover of a mother of 1990: on 10 March he is circumcised too young, and is no woman."""
    mother = terms(sex="female", birth_date=date(1990, 1, 1))
    boy = submission(coded(ORCHIDOPEXY), subject=born(date(2026, 3, 1)))
    assert denials(decide(boy, mother)) == [None]
    grown = submission(coded(ORCHIDOPEXY), subject=born(date(2025, 12, 9)))  # 91 days: no newborn any more
    assert denials(decide(grown, mother)) == ["AD-3-8"]


def test_a_payer_s_rule_on_a_sex():
    """On a service it is AD-3-8, on a diagnosis alone AD-3-6."""
    rule = payer_rule(SEX, sex="male", codes=("83600*",), text="Men's clinic", text_ar="عيادة الرجال")
    decision = decide(submission(coded()), terms(rules=(rule,)))
    assert denials(decision) == ["AD-3-8"]
    assert words.reason(decision.lines[0])[0] == (
        "The payer pays this service for men only (Men's clinic); the patient is female."
    )
    assert denials(decide(submission(coded("57506-04-21")), terms(rules=(rule,)))) == [None]
    sick = payer_rule(SEX, sex="male", diagnoses=("J06*",))
    assert denials(decide(submission(coded()), terms(rules=(sick,)))) == ["AD-3-6"]


# Age ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birth", "case"),
    [
        (date(2025, 12, 11), "too-young"),  # three months on 11 March
        (date(2025, 12, 10), "suits"),
        (date(2013, 3, 11), "suits"),  # 13 on the next day
        (date(2013, 3, 10), "too-old"),
    ],
)
def test_a_circumcision_from_three_months_to_twelve_years(birth, case):
    decision = decide(submission(coded(CIRCUMCISION), subject=born(birth)), terms())
    assert found(decision, "service-age") == [case]
    assert denials(decision) == [None if case == "suits" else "AD-3-7"]


@pytest.mark.parametrize(("birth", "code"), [(date(2026, 2, 10), None), (date(2026, 2, 9), "AD-3-7")])
def test_neonatal_care_until_the_twentyeighth_day(birth, code):
    """28 days after 10 February is 10 March."""
    made = submission(coded("83610-02-80"), subject=born(birth), claim_type=ClaimType.INSTITUTIONAL)
    assert denials(decide(made, terms())) == [code]


@pytest.mark.parametrize(("birth", "code"), [(date(2025, 12, 10), None), (date(2025, 12, 9), "AD-3-5")])
def test_a_liveborn_infant_until_the_ninetieth_day(birth, code):
    """90 days after 10 December: 21 of December, 31, 28 and 10 of March."""
    decision = decide(with_diagnosis("Z38.0", subject=born(birth)), terms())
    assert denials(decision) == [code]
    if code:
        assert "until 2026-03-09" in words.reason(decision.lines[0])[0]


@pytest.mark.parametrize(
    ("birth", "code"),
    [
        (date(2008, 3, 10), None),  # 18 today
        (date(2008, 3, 11), "AD-3-7"),
        (date(1960, 3, 11), None),  # 66 tomorrow
        (date(1960, 3, 10), "AD-3-7"),
    ],
)
def test_a_payer_s_rule_from_18_to_65_years(birth, code):
    rule = payer_rule(AGE, min_age=18, max_age=65)
    decision = decide(submission(coded(), subject=born(birth)), terms(rules=(rule,)))
    assert denials(decision) == [code]


def test_who_is_born_on_the_29th_of_february_is_of_age_on_the_first_of_march():
    """Born on 29 February 2008: 18 on 1 March 2026."""
    rule, subject = payer_rule(AGE, min_age=18), born(date(2008, 2, 29))
    for day, code in ((date(2026, 2, 28), "AD-3-7"), (date(2026, 3, 1), None)):
        assert denials(decide(submission(coded(service_date=day), subject=subject), terms(rules=(rule,)))) == [code]


def test_an_age_that_nobody_told_is_held_against_nobody():
    decision = decide(submission(coded(CIRCUMCISION), subject=Subject("X", gender="male")), terms())
    assert (found(decision, "service-age"), denials(decision)) == (["unknown"], [None])


# Diagnosis against service -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "case"),
    [
        (("O82",), "clear"),
        (("Z37.0",), "clear"),
        (("J06.9", "O82"), "clear"),  # one is enough
        (("J06.9",), "inconsistent"),
        (("Z38.0",), "inconsistent"),  # the baby's
        ((), "unknown"),
    ],
)
def test_an_obstetric_procedure_has_an_obstetric_reason(codes, case):
    reasons = tuple(Diagnosis(n, code, "secondary") for n, code in enumerate(codes, start=1))
    decision = decide(submission(coded("16520-00-00"), diagnoses=reasons), terms())
    assert found(decision, "diagnosis-service") == [case]
    assert ("AD-1-4" in denials(decision) or "AD-3-5" in denials(decision)) == (case == "inconsistent")


@pytest.mark.parametrize(
    ("reason", "more", "code"),
    [
        ("E11.9", {}, None),
        ("J06.9", {}, "AD-1-4"),
        ("J06.9", {"codes": ("83620*",)}, None),  # on another service
        ("J06.9", {"benefits": ("dental",)}, None),
        ("J06.9", {"benefits": ("outpatient",)}, "AD-1-4"),
    ],
)
def test_a_payer_s_rule_on_diagnoses(reason, more, code):
    """The payer pays consultations for diabetes alone."""
    said = {"codes": ("83600*",), "diagnoses": ("E10*", "E11*"), "text": "Diabetes clinic", "text_ar": "عيادة السكري"}
    rule = payer_rule(ServiceRuleKind.DIAGNOSIS, **(said | more))
    decision = decide(with_diagnosis(reason), terms(rules=(rule,)))
    assert denials(decision) == [code]
    if code:
        assert words.reason(decision.lines[0])[1].endswith("(عيادة السكري).")


def test_every_edit_looks_and_a_rejection_outweighs_a_wait():
    """A delivery of a man, filed a year late, without a reason: AD-2-5 is first, and all four stand in the trace."""
    made = submission(coded(DELIVERY), subject=MAN)
    decision = decide(made, terms(filing_days=45), received_on=date(2027, 3, 10))
    assert denials(decision) == ["AD-2-5"]
    assert found(decision, "service-sex") == ["for-female"]
    assert found(decision, "diagnosis-service") == ["inconsistent"]
    assert "deductible" not in {step.rule for step in decision.lines[0].trace}
    assert date(2027, 3, 10) - DAY == date(2027, 3, 10) - date(2026, 3, 10)
