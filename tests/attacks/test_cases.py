"""Every attack case of our range has its tests, or the reason why it has none."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES = tomllib.loads((TESTS / "attacks/cases.toml").read_text(encoding="utf-8"))
# The numbers in between are not used.
RANGE = (
    {*range(1, 20)} - {5, 14}
    | {*range(20, 41)} - {23, 32}
    | {*range(42, 62)} - {50, 59}
    | {*range(62, 90)} - {68, 77, 86}
    | {*range(90, 106)} - {95, 104}
    | {*range(106, 122)} - {113}
    | {*range(123, 138)} - {131}
    | {*range(138, 161)} - {140, 149, 158}
    | {*range(161, 171)} - {167}
)


@cache
def collected(path: Path) -> set[str]:
    """The tests of a module, as pytest names them."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            names = [one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{node.name}::{name}" for name in names}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    path = TESTS / file
    return path.name.startswith("test_") and path.is_file() and name in collected(path)


def test_every_case_has_its_entry_and_no_number_is_unknown():
    assert {int(number) for number in CASES} == RANGE
    assert all(len(number) == 3 for number in CASES)


@pytest.mark.parametrize("number", CASES)
def test_a_case_has_tests_or_one_reason(number):
    case = CASES[number]
    assert case.keys() - {"title"} in ({"tests"}, {"not_here"}, {"open"})
    assert case["title"]
    said = case.get("not_here") or case.get("open") or "has its tests"
    assert len(said.split()) >= 2
    assert case.get("tests") != []
    assert [test for test in case.get("tests", []) if not is_there(test)] == []


def test_a_numbered_test_stands_at_its_case():
    """A test of this folder that names a case is what the case refers to."""
    listed = {test for case in CASES.values() for test in case.get("tests", [])}
    alone = [
        f"attacks/{path.name}::{name}"
        for path in sorted((TESTS / "attacks").glob("test_*.py"))
        for name in sorted(collected(path))
        if name.startswith("test_case") and f"attacks/{path.name}::{name}" not in listed
    ]
    assert alone == []
