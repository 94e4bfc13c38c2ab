"""The tables of the edits: what comes along is whole and sourced; what is wrong is found, all of it."""

import csv
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimlinc.adjudication import tables
from claimlinc.adjudication.edits.calendar import full_years, months_later, years_later
from claimlinc.adjudication.rules import EDIT_RULES
from claimlinc.adjudication.tables import TABLES, Tables, faults_of

OFFICIAL = Path(__file__).parents[4] / "shared/nphies/tables/nphies_rejection-reason.csv"
ROWS = [row for name in Tables.__struct_fields__[1:] for row in getattr(TABLES, name)]


def test_each_row_has_a_source_or_is_a_dated_assumption():
    assert faults_of(TABLES) == []
    assumed = {row.id for row in ROWS if row.source is None}
    assert assumed == {"early-refill", "office-consultations-between"}


def test_every_source_is_used():
    assert {row.source for row in ROWS} - {None} == {source.id for source in TABLES.source}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[sex]]\nid="a"\nof="service"\nsex="male"\ncodes=["1"]\nsource="x"', "nobody knows the source x"),
        ('[[sex]]\nid="a"\nof="service"\nsex="male"\ncodes=["1"]', "no source"),
        ('[[sex]]\nid="a"\nof="service"\nsex="male"\ncodes=[]\nassumption="x"\nassumed_on=2026-01-01', "no code"),
        ('[[unlisted]]\nid="a"\ncodes=[""]\nassumption="x"\nassumed_on=2026-01-01', "no code"),
        ('[[frequency]]\nid="a"\ncodes=["1"]\ncount=0\ndays=1\nassumption="x"\nassumed_on=2026-01-01', "count of 1"),
        ('[[frequency]]\nid="a"\ncodes=["1"]\ncount=1\nassumption="x"\nassumed_on=2026-01-01', "days or months"),
        (
            '[[frequency]]\nid="a"\ncodes=["1"]\ncount=1\ndays=1\nmonths=1\nassumption="x"\nassumed_on=2026-01-01',
            "days or months",
        ),
        ('[[refill]]\nid="a"\ncodes=["*"]\nearly_percent=101\nassumption="x"\nassumed_on=2026-01-01', "between 0 and"),
        (
            '[[age]]\nid="a"\nof="diagnosis"\nmin_months=1\ncodes=["A"]\nassumption="x"\nassumed_on=2026-01-01',
            "no lowest age",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_named(text, fault):
    (found,) = faults_of(msgspec.toml.decode(text, type=Tables))
    assert fault in found


def test_all_faults_are_named_at_once():
    row = '[[unlisted]]\nid="a"\ncodes=[]\n'
    assert len(faults_of(msgspec.toml.decode(row + row, type=Tables))) == 5


@pytest.mark.parametrize("text", ['[[sexes]]\nid="a"', '[[sex]]\nid="a"\ncodes=["1"]\nof="x"\nsex="male"', "[[sex]]"])
def test_what_is_no_table_is_not_read(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.toml.decode(text, type=Tables)


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the official list of denials lies beside the checkout, not in it")
def test_each_denial_code_says_what_the_edit_found():
    with OFFICIAL.open(encoding="utf-8-sig") as file:
        official = {row["Detailed code"]: row["Display"] for row in csv.DictReader(file)}
    told = {
        "filing-time": "Time limit for submission has expired",
        "duplicate": "Duplicate service/procedure code based on the date",
        "frequency": "Service/procedure may be appropriate, but too frequent",
        "follow-up": "Consultation is within 14-day follow up period",
        "refill": "Refill too soon",
        "unbundled": "Service/procedure/device/medication was included within another service/procedure",
        "service-sex": "Service/procedure is inconsistent with patient's gender",
        "service-age": "Service/procedure is inconsistent with patient's age",
        "diagnosis-sex": "Diagnosis is inconsistent with patient's gender",
        "diagnosis-age": "Diagnosis is inconsistent with patient's age",
        "diagnosis-service": "Diagnosis is inconsistent with service/procedure",
    }
    assert set(told) == {rule.id for rule in EDIT_RULES}
    for rule in EDIT_RULES:
        assert {official[case.code] for case in rule.cases.values() if case.code} == {told[rule.id]}


def test_a_pattern_of_many_codes_is_of_billing_codes_alone():
    assert tables.service("16512-00-00").sex is not None
    assert tables.service("16512-00").sex is None
    assert tables.service("16512345678901").sex is None
    assert tables.service("06285096001627").refill is not None  # `*` is of everything


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)), st.integers(0, 1200))
def test_months_go_forward_and_leave_no_day_out(day, months):
    later = months_later(day, months)
    assert later >= day
    assert later.day in (day.day, 1)
    assert months_later(day, months + 1) > later


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2050, 1, 1)), st.integers(0, 120))
def test_a_birthday_is_the_first_day_of_an_age(born, years):
    birthday = years_later(born, years)
    assert full_years(born, birthday) == years
    if years:
        assert full_years(born, date.fromordinal(birthday.toordinal() - 1)) == years - 1


def test_the_end_of_time_is_the_last_day():
    assert months_later(date(9990, 1, 31), 1200) == date.max
