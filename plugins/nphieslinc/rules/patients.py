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
)
