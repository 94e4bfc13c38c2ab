"""What is refused before parsing; the numbers are those of the attack list."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masterlinc import wire
from masterlinc.errors import DomainError, Invalid, Malformed, TooLarge

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1).filter(bool)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), inner, max_size=4
        )
    ),
    max_leaves=30,
)


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_what_any_parser_reads_is_read_alike(value, ascii_only, indent):
    assert wire.guard(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()) == value


@settings(max_examples=500)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_our_own_error(data):
    refused = None
    try:
        wire.guard(data)
    except DomainError as error:
        refused = error
    assert refused is None or (400 <= refused.status < 500 and refused.detail_ar)


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from([*'[]{}",:\\u0 1-.eE', '\\"', "\\\\", '"a":', "\\u0000", "null"]), max_size=40).map(
        "".join
    )
)
def test_near_json_is_read_or_refused_with_our_own_error(text):
    try:
        ours = wire.guard(text.encode())
    except DomainError:
        return
    assert ours == json.loads(text, parse_float=str)


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"x":[{"a":1,"b":2,"a":1}]}', '{"a":1,"\\u0061":2}', '{"a\\"":1 , "a\\"" : 2}']
)
def test_attack_76_a_key_written_twice_is_malformed(text):
    with pytest.raises(Malformed, match="'a"):
        wire.guard(text.encode())


@pytest.mark.parametrize("text", ['{"a":{"a":1},"b":{"a":1}}', '[{"a":1},{"a":1}]', '{"a":"\\":\\":","b":"\\\\"}'])
def test_the_same_key_in_different_objects_is_fine(text):
    assert wire.guard(text.encode()) == json.loads(text)


def test_attack_78_nul_in_a_text_is_invalid_and_named():
    with pytest.raises(Invalid) as refused:
        wire.guard(b'{"items":[{},{"name":"a\\u0000b"}]}')
    assert refused.value.errors[0].path == "items[1].name"
    assert wire.guard(b'{"a":"\\\\u0000"}') == {"a": "\\u0000"}


@pytest.mark.parametrize("depth", [33, 34, 100, 1_100, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_attack_79_deep_nesting_is_malformed(depth, opening, closing):
    for text in (opening * depth + "1" + closing * depth, opening * depth, closing * depth):
        with pytest.raises(Malformed):
            wire.guard(text.encode())


def test_attack_79_brackets_in_texts_do_not_count():
    text = json.dumps(["[" * 1000, {'a"[[': "\\[" * 100}] * 40)
    assert wire.guard(text.encode()) == json.loads(text)
    deep = "[" * 32 + "]" * 32
    assert wire.guard(deep.encode()) == json.loads(deep)


def test_attack_80_a_body_over_the_limit_is_too_large():
    with pytest.raises(TooLarge):
        wire.guard(b" " * (wire.MAX_BYTES + 1))
    with pytest.raises(TooLarge):
        wire.guard(b'"12345"', max_bytes=6)


def test_attack_81_very_many_elements_are_too_large():
    for data in (b"[" + b"0," * 1_000_000 + b"0]", b"[" + b"[]," * 300_000 + b"0]"):
        with pytest.raises(TooLarge):
            wire.guard(data)


def test_attack_81_many_colliding_or_long_keys_are_read_once():
    text = json.dumps({f"k{n}": n for n in range(1, 100_000)})
    assert len(wire.guard(text.encode())) == 99_999
    assert wire.guard(json.dumps({"a": "x" * 1_000_000}).encode())["a"][:1] == "x"


@pytest.mark.parametrize("text", ["[-0]", '{"amount": -0}', "-0", "[1, -0 ]"])
def test_attack_90_negative_zero_is_invalid(text):
    with pytest.raises(Invalid) as refused:
        wire.guard(text.encode())
    assert refused.value.errors[0].code == "number"
    assert wire.guard(b"[-0.5, 10]") == ["-0.5", 10]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udc00"',
        b"NaN",
        b"[Infinity]",
        b"{'a':1}",
        b"[1,]",
        b"01",
        b"[1]x",
        b'"\x01"',
    ],
)
def test_what_is_not_json_is_malformed(data):
    with pytest.raises(Malformed):
        wire.guard(data)


@pytest.mark.parametrize("digits", [5_000, 1_000_000])
def test_endless_digits_are_refused(digits):
    with pytest.raises(DomainError):
        wire.guard(b'{"a":' + b"9" * digits + b"}")


EXAMPLES = sorted((Path(__file__).parents[4] / "shared/nphies/examples").glob("*.json"))


@pytest.mark.skipif(not EXAMPLES, reason="the NPHIES samples are not beside this checkout")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:40])
def test_real_messages_pass(path):
    assert wire.guard(path.read_bytes()) == json.loads(path.read_bytes(), parse_float=str)
