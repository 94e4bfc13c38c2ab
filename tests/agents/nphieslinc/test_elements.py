"""Element rules: each that is called checked is found where it is broken, and not where it is kept."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nphies_messages import REQUESTS, changed, opened, raw, resource

from nphieslinc.elements import check_resource
from nphieslinc.elements.examples import Example, example_of
from nphieslinc.elements.primitives import PRIMITIVES
from nphieslinc.elements.shapes import shape_of
from nphieslinc.elements.walk import MOST
from nphieslinc.fhir import Number, Tree, parse
from nphieslinc.fhir.systems import _folded, extension_key
from nphieslinc.fhir.tables import RuleId, rule_ids

ROOT = Path(__file__).parents[3]
EXAMPLES: list[tuple[RuleId, Example]] = [
    (rule, example)
    for rule in rule_ids()
    if rule.is_active and rule.path and rule.family in ("DT", "IC", "IB", "RE")
    if (example := example_of(rule)) is not None
]
# What the tables reached when they were made; a change that loses a rule says so here.
REACH = {"DT": 1006, "IC": 443, "IB": 147, "RE": 79}


def broken(tree: Tree) -> set[str]:
    return {fault.rule for fault in check_resource(tree, str(tree["resourceType"]))}


@pytest.mark.parametrize("family", REACH)
def test_every_rule_that_is_checked_is_broken_by_its_example_and_kept_by_the_other(family: str) -> None:
    examples = [(rule, example) for rule, example in EXAMPLES if rule.family == family]
    for rule, example in examples:
        assert rule.id in broken(example.broken), rule
        assert rule.id not in broken(example.kept), rule
    assert len(examples) >= REACH[family]


def test_the_page_of_the_rules_is_fresh() -> None:
    made = runpy.run_path(str(ROOT / "docs/nphies/pages.py"))["page"]().rstrip() + "\n"
    assert (ROOT / "docs/nphies-rules.md").read_text(encoding="utf-8") == made, "run docs/nphies/pages.py"


def test_what_the_page_says_is_checked_elsewhere_stands_in_the_code_of_that_part() -> None:
    for rule, part in runpy.run_path(str(ROOT / "docs/nphies/pages.py"))["READING"].items():
        place = ROOT / "plugins" / "nphieslinc" / part
        sources = [*place.glob("*.py")] if place.is_dir() else [place.with_suffix(".py")]
        assert any(f'"{rule}"' in source.read_text(encoding="utf-8") for source in sources), (rule, part)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_of_the_documentation_break_no_element_rule(path: Path) -> None:
    assert check_resource(parse(path.read_bytes()), "Bundle") == []


def found(name: str, change: Any) -> list[tuple[str, str]]:
    return [(fault.rule, fault.path) for fault in check_resource(opened(changed(change, name)).message.tree, "Bundle")]


@pytest.mark.parametrize("name", REQUESTS)
def test_our_own_messages_break_none(name: str) -> None:
    assert check_resource(opened(raw(name)).message.tree, "Bundle") == []


PROFESSIONAL = "claim-request_professional"
CLAIM = "Bundle.entry[1].resource"


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        (lambda c: c.update(surprise=1), "FR-00027", f"{CLAIM}.surprise"),
        (lambda c: c.update(accident={}), "FR-00006", f"{CLAIM}.accident"),
        (lambda c: c["item"][0].update(servicedNothing="x"), "DT-00168", f"{CLAIM}.item[0].servicedNothing"),
        (lambda c: c["priority"]["coding"][0].update(code="soon"), "IB-00038", f"{CLAIM}.priority"),
        (lambda c: c["item"][0]["net"].update(value="12"), "GE-00035", f"{CLAIM}.item[0].net.value"),
        (lambda c: c.update(created="2026-02-30"), "DT-00074", f"{CLAIM}.created"),
        (lambda c: c.update(patient={"display": "x"}), "RE-00015", f"{CLAIM}.patient"),
    ],
)
def test_a_changed_claim_is_refused_with_the_rule_and_its_place(change: Any, rule: str, path: str) -> None:
    assert (rule, path) in found(PROFESSIONAL, lambda bundle: change(resource(bundle, "Claim")))


def test_a_message_within_a_message_is_checked_too() -> None:
    inner = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "Claim", "x": 1}}]}
    tree = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x", "resource": inner}]}
    paths = {fault.path for fault in check_resource(tree, "Bundle")}
    assert "Bundle.entry[0].resource.entry[0].resource.x" in paths


def test_shapes_are_as_many_as_the_tables_speak_of_however_deep_a_message_is() -> None:
    deep: Tree = {"value": "x"}
    for _ in range(40):
        deep = {"assigner": {"identifier": deep}}
    tree = {"resourceType": "Claim", "identifier": [deep]}
    check_resource(tree, "Claim")
    before = shape_of.cache_info().currsize
    check_resource({"resourceType": "Claim", "identifier": [{"assigner": {"identifier": deep}}]}, "Claim")
    assert shape_of.cache_info().currsize == before


def test_resource_types_that_nobody_knows_are_no_shapes() -> None:
    before = shape_of.cache_info().currsize
    for number in range(50):
        assert [fault.rule for fault in check_resource({"resourceType": f"Claim{number}"}, "x")] == ["FR-00005"]
    assert shape_of.cache_info().currsize == before


def test_a_data_type_is_no_resource() -> None:
    assert [fault.rule for fault in check_resource({"resourceType": "Identifier"}, "x")] == ["FR-00005"]


def test_a_message_with_faults_without_end_names_the_first_thousand() -> None:
    tree = {"resourceType": "Claim", "item": [{f"x{place}": 1} for place in range(5000)]}
    found = check_resource(tree, "Claim")
    assert len(found) == MOST
    assert found[0].path == "Claim.item[0].x0"


def test_a_name_without_end_is_cut_where_it_is_named() -> None:
    found = [fault for fault in check_resource({"resourceType": "Claim", "x" * 9999: 1}, "Claim") if "x" in fault.path]
    assert [len(fault.path) for fault in found if fault.rule == "FR-00027"] == [len("Claim.") + 60]


def test_urls_without_end_are_not_kept() -> None:
    before = extension_key("x/extension-tax")
    held = _folded.cache_info().currsize
    assert extension_key("x" * 100_000) == "x" * 100_000
    assert (_folded.cache_info().currsize, extension_key("x/extension-tax")) == (held, before)


# Primitive types ---------------------------------------------------------------------------------------------------


@given(st.dates())
def test_every_day_is_a_date(day: Any) -> None:
    assert PRIMITIVES["date"](day.isoformat())
    assert PRIMITIVES["dateTime"](day.isoformat())
    assert PRIMITIVES["instant"](f"{day.isoformat()}T23:59:59.999+03:00")


@given(st.integers(-(2**40), 2**40))
def test_integers_keep_their_ranges(number: int) -> None:
    assert PRIMITIVES["positiveInt"](number) == (1 <= number < 2**31)
    assert PRIMITIVES["unsignedInt"](number) == (0 <= number < 2**31)
    assert PRIMITIVES["integer"](number) == (-(2**31) <= number < 2**31)
    assert PRIMITIVES["decimal"](number)


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()), st.builds(Number, st.just("1.5"))
    )
)
def test_no_value_whatever_breaks_the_check_of_a_type(value: Any) -> None:
    for name, check in PRIMITIVES.items():
        assert check(value) in (True, False), name


@given(st.text(max_size=40))
def test_ids_are_of_the_letters_of_fhir(text: str) -> None:
    assert PRIMITIVES["id"](text) == bool(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", text, re.ASCII))


@pytest.mark.parametrize(
    ("kind", "value", "is_one"),
    [
        ("date", "2026-02-29", False),
        ("date", "2024-02-29", True),
        ("date", "2026", True),
        ("date", "2026-13", False),
        ("date", "0000-01-01", False),
        ("dateTime", "2026-01-31T10:00:00", False),
        ("dateTime", "2026-01-31T10:00:00Z", True),
        ("dateTime", "2026-01-31T24:00:00Z", False),
        ("dateTime", "2026-01T10:00:00Z", False),
        ("instant", "2026-01-31", False),
        ("time", "09:00", False),
        ("decimal", "1.5", False),
        ("decimal", Number("1.5"), True),
        ("decimal", True, False),
        ("string", Number("1.5"), False),
        ("string", " ", False),
        ("code", "a b", True),
        ("code", "a  b", False),
        ("uri", "urn:x y", False),
        ("base64Binary", "TUw=", True),
        ("base64Binary", "TU w=", True),
        ("base64Binary", "TUw", False),
        ("boolean", "true", False),
    ],
)
def test_edges_of_types(kind: str, value: object, is_one: bool) -> None:
    assert PRIMITIVES[kind](value) is is_one
