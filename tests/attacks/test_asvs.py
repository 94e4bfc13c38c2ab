"""docs/security.md says where each requirement of ASVS is met, and what it says is there."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from test_cases import CASES, is_there

ROOT = Path(__file__).parents[2]
REQUIREMENTS = tomllib.loads((ROOT / "docs/security/asvs.toml").read_text(encoding="utf-8"))["requirements"]
NUMBER = re.compile(r"([1-9]|1[0-7])\.[1-9]\.([1-9]|1[0-9])")


def test_the_numbers_are_numbers_in_their_order():
    assert all(NUMBER.fullmatch(number) for number in REQUIREMENTS)
    assert sorted(REQUIREMENTS, key=lambda one: [int(part) for part in one.split(".")]) == list(REQUIREMENTS)


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_a_requirement_is_met_by_something_or_says_what_is_missing(number):
    row = REQUIREMENTS[number]
    assert row["what"]
    assert row.keys() <= {"what", "where", "cases", "tests", "not_applicable", "not_yet"}
    proofs = [*row.get("cases", []), *row.get("tests", [])]
    if "not_applicable" in row:
        assert row.keys() == {"what", "not_applicable"}
    elif "not_yet" not in row:
        assert row["where"]
        assert row.get("tests") or any("tests" in CASES[f"{case:03}"] for case in row["cases"])
        assert proofs
    assert [place for place in row.get("where", []) if not (ROOT / place).exists()] == []
    assert [test for test in row.get("tests", []) if not is_there(test)] == []
    assert [case for case in row.get("cases", []) if f"{case:03}" not in CASES] == []


def test_the_page_shows_the_table_as_it_is():
    made = runpy.run_path(str(ROOT / "docs/security/table.py"))["page"]()
    assert (ROOT / "docs/security.md").read_text(encoding="utf-8") == made, "run docs/security/table.py"
