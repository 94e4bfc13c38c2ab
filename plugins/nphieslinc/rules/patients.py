"""Rules on the people in a message."""

import re
from collections.abc import Iterator

from masterlinc.identity import IQAMA, NATIONAL_ID, PASSPORT
from nphieslinc.fhir import Node
from nphieslinc.reading.coding import first_code
from nphieslinc.rules.rule import Case, Finding, Rule


def _numbers(case: Case, system: str, type_: str) -> Iterator[tuple[Node, str]]:
    for patient in case.message.of_type("Patient"):
        for number in patient.children("identifier"):
            if number.text("system") == system or first_code(number.child("type")) == type_:
                yield number, number.text("value") or ""


def _national_id(case: Case) -> Iterator[Finding]:
    for number, value in _numbers(case, NATIONAL_ID, "NI"):
        if not re.fullmatch("1[0-9]{9}", value):
            yield Finding(f"{number.path}.value")


def _iqama(case: Case) -> Iterator[Finding]:
    for number, value in _numbers(case, IQAMA, "PRC"):
        if not re.fullmatch("2[0-9]{9}", value):
            yield Finding(f"{number.path}.value")


def _passport(case: Case) -> Iterator[Finding]:
    for number, _ in _numbers(case, PASSPORT, "PPN"):
        if number.extension("identifier-country") is None:
            yield Finding(f"{number.path}.extension")


def _occupation(case: Case) -> Iterator[Finding]:
    for patient in case.message.of_type("Patient"):
        if patient.extension("occupation") is None:
            yield Finding(f"{patient.path}.extension")


def _marital_status(case: Case) -> Iterator[Finding]:
    yield from _without(case, "maritalStatus")


def _birth_date(case: Case) -> Iterator[Finding]:
    yield from _without(case, "birthDate")


def _gender(case: Case) -> Iterator[Finding]:
    yield from _without(case, "gender")


def _identifier(case: Case) -> Iterator[Finding]:
    yield from _without(case, "identifier")


def _without(case: Case, name: str) -> Iterator[Finding]:
    for patient in case.message.of_type("Patient"):
        if not patient.value.get(name):
            yield Finding(f"{patient.path}.{name}")


RULES = (
    Rule(
        "BV-00797",
        "a national id has 10 digits and starts with 1",
        "رقم الهوية الوطنية يتكون من 10 أرقام ويبدأ بالرقم 1",
        _national_id,
    ),
    Rule(
        "BV-00798", "an iqama has 10 digits and starts with 2", "رقم الإقامة يتكون من 10 أرقام ويبدأ بالرقم 2", _iqama
    ),
    Rule("BV-00481", "a passport names the country that issued it", "يجب تحديد الدولة المصدرة لجواز السفر", _passport),
    Rule("IC-00242", "a patient has an identifier", "يجب تحديد هوية للمريض", _identifier),
    Rule("IC-00236", "a patient has a birth date", "يجب تحديد تاريخ ميلاد المريض", _birth_date),
    Rule("IC-00238", "a patient has a gender", "يجب تحديد جنس المريض", _gender),
    Rule("IC-01561", "a patient has an occupation", "يجب تحديد مهنة المريض", _occupation),
    Rule("IC-01565", "a patient has a marital status", "يجب تحديد الحالة الاجتماعية للمريض", _marital_status),
)
