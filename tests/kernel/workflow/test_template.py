"""References to earlier steps: found, followed, and refused where they lead nowhere."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.wire import encode, tree
from masterlinc.workflow import template
from masterlinc.workflow.template import TemplateError, literal, references, render

OUTPUTS = {
    "find": {"patient_id": "PAT-1", "names": ["Huda", "هدى"], "amount": Decimal("10.50"), "nothing": None, "on": True},
    "my-step": {"a": {"b": [{"c": 7}]}},
    "list": [1, 2],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${find.patient_id}", "PAT-1"),
        ("${find.amount}", Decimal("10.50")),
        ("${find.nothing}", None),
        ("${find.on}", True),
        ("${find.names[1]}", "هدى"),
        ("${find.names.1}", "هدى"),
        ("${my-step.a.b[0].c}", 7),
        ("${my-step.a.b}", [{"c": 7}]),
        ("${list[1]}", 2),
        ("${list}", [1, 2]),
        ("${context.visit}", 3),
        ("${context}", {"visit": 3}),
        ("Mr ${find.names[0]}!", "Mr Huda!"),
        ("${find.names[0]} ${find.amount} ${find.nothing} ${find.on}", "Huda 10.50 null true"),
        ("x${list}", "x[1,2]"),
        ("$${find.names}", "${find.names}"),
        ("a$${b}${list[0]}", "a${b}1"),
        ("$5 and 100%", "$5 and 100%"),
        ("", ""),
    ],
)
def test_a_reference_becomes_the_value_alone_and_text_inside_of_text(text, value):
    assert render(text, OUTPUTS, {"visit": 3}) == value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("${nobody.x}", "nobody.x"),
        ("${find.nobody}", "find.nobody"),
        ("${find.names[2]}", "find.names[2]"),
        ("${find.patient_id.x}", "find.patient_id.x"),
        ("${find.nothing.x}", "find.nothing.x"),
        ("${context.other}", "context.other"),
        ("${list[-1]}", "list[-1]"),
        ("${}", ""),
        ("${find.}", "find."),
        ("${ find }", " find "),
        ("${find.names", ""),
        ("see ${", ""),
        ("${find..names}", "find..names"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(text, path):
    with pytest.raises(TemplateError) as caught:
        render({"deep": [text]}, OUTPUTS, {})
    assert caught.value.path == path


def test_names_of_fields_are_no_templates():
    assert render({"${find.amount}": 1}, OUTPUTS, {}) == {"${find.amount}": 1}


def test_references_are_found_with_their_place():
    found = references({"a": ["x ${find.names[0]} ${context.b}", 1], "b": {"c": "$${no}", "d": "${list}"}})
    assert [(path, one.root, one.parts) for path, one in found] == [
        ("a[0]", "find", ("names", "0")),
        ("a[0]", "context", ("b",)),
        ("b.d", "list", ()),
    ]


def test_a_small_input_cannot_bring_much(monkeypatch):
    monkeypatch.setattr(template, "MAX_BYTES", 100)
    assert render(["${big}"] * 2, {"big": "x" * 40}, None) == ["x" * 40] * 2
    with pytest.raises(TemplateError, match="more than 100 bytes"):
        render(["${big}"] * 3, {"big": "x" * 40}, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_value_comes_through_a_reference_as_it_is(value):
    assert render("${one.value}", {"one": {"value": value}}, None) == value
    assert render("${context}", {}, value) == value


@given(JSON)
def test_any_input_renders_or_names_what_is_wrong(value):
    try:
        rendered = render(value, {}, None)
    except TemplateError:
        return
    assert tree(encode(rendered)) == rendered


@given(JSON)
def test_what_is_escaped_comes_out_as_it_was_written(value):
    assert list(references(literal(value))) == []
    assert render(literal(value), {}, None) == value


@given(JSON, st.text("ab${}.[]0", max_size=12))
def test_what_holds_no_reference_is_left_alone_and_the_finder_agrees_with_the_renderer(value, text):
    try:
        found = list(references([value, text]))
    except TemplateError:
        with pytest.raises(TemplateError):
            render([value, text], {}, None)
        return
    if not found and "$${" not in encode([value, text]).decode():
        assert render([value, text], {}, None) == [value, text]
