"""Typed JSON: exact money, and faults in our own words."""

import json
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc import wire
from masterlinc.errors import DomainError, Invalid, Malformed
from masterlinc.money import Money, Quantity


class Kind(StrEnum):
    A = "a"


class Item(msgspec.Struct, forbid_unknown_fields=True):
    amount: Money
    quantity: Quantity = Quantity(1)


class Body(msgspec.Struct, forbid_unknown_fields=True):
    items: list[Item] = []
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5, pattern="^[a-z]*$")] = "x"
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    day: date | None = None
    key: UUID | None = None
    kind: Kind = Kind.A
    extra: dict[str, int] = {}
    flag: bool = False


def status(data: bytes, type_: Any) -> int:
    try:
        wire.decode(data, type_)
    except DomainError as refused:
        return refused.status
    return 200


def amount(text: str) -> Money:
    return wire.decode(b'{"amount":' + text.encode() + b"}", Item).amount


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "0x10"])
def test_attack_90_what_is_no_json_number_is_malformed(text):
    with pytest.raises(Malformed):
        amount(text)


BAD = [
    "1e2",
    "1E2",
    "1e999999",
    "-0",
    "-0.0",
    "-1",
    "true",
    "null",
    "[1]",
    "{}",
    "1000000000000",
    "9" * 30,
    "9" * 5000,
    "0.001",
    "10.005",
    "1.000",
]
BAD_TEXTS = [
    "NaN",
    "sNaN",
    "Infinity",
    "1e999999",
    "-0",
    "1_000",
    " 1 ",
    "١٢٣",
    "1e2",
    "0x10",
    "1,000.00",
    "",
    "null",
    "true",
    "01",
    "1.",
    ".5",
    "+1",
    "１",
    "9" * 2_000_000,
]


@pytest.mark.parametrize("text", BAD + [json.dumps(bad) for bad in BAD_TEXTS], ids=lambda text: text[:20])
def test_attacks_90_and_91_amounts_that_are_not_plain_are_invalid_with_their_path(text):
    with pytest.raises(Invalid) as refused:
        wire.decode(b'{"items":[{"amount":1},{"amount":' + text.encode() + b"}]}", Body)
    assert refused.value.errors[0].path == "items[1].amount"
    assert refused.value.errors[0].detail_ar


def test_attack_91_the_digits_are_read_as_written():
    assert amount("0.30") == Decimal("0.30")
    assert amount("999999999999.99") == Decimal("999999999999.99")
    assert amount('"250"') == Decimal(250)


@given(st.decimals(0, Decimal("999999999999.99"), places=2))
def test_money_comes_back_as_it_went(value):
    text = wire.encode(Item(Money(value)))
    assert f'"amount":{value:.2f}'.encode() in text
    assert wire.decode(text, Item).amount == value


def test_money_always_has_two_decimals():
    assert wire.encode([Money("5"), Money("5.5"), Money(0), Quantity("1.5"), Quantity("1E+2"), Decimal("0.95")]) == (
        b"[5.00,5.50,0.00,1.5,100,0.95]"
    )


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ('{"items":[{}]}', "items[0].amount", "missing"),
        ('{"items":[{"amount":1,"paid":2}]}', "items[0].paid", "unknown"),
        ('{"zz":1}', "zz", "unknown"),
        ('{"items":{}}', "items", "type"),
        ('{"name":1.5}', "name", "type"),
        ('{"name":null}', "name", "null"),
        ('{"name":""}', "name", "length"),
        ('{"name":"aaaaaa"}', "name", "length"),
        ('{"name":"A"}', "name", "format"),
        ('{"count":0}', "count", "range"),
        ('{"count":11}', "count", "range"),
        ('{"count":"1"}', "count", "type"),
        ('{"count":99999999999999999999999}', "count", "range"),
        ('{"day":"1447-13-02"}', "day", "format"),
        ('{"key":"x"}', "key", "format"),
        ('{"kind":"secret"}', "kind", "choice"),
        ('{"extra":{"a":"b"}}', "extra[...]", "type"),
        ('{"flag":"true"}', "flag", "type"),
        ("[]", "", "type"),
    ],
)
def test_a_fault_names_its_field_in_our_words(text, path, code):
    with pytest.raises(Invalid) as refused:
        wire.decode(text.encode(), Body)
    [error] = refused.value.errors
    assert (error.path, error.code) == (path, code)
    assert "`" not in error.detail
    assert "secret" not in error.detail
    assert any("\u0600" <= letter <= "\u06ff" for letter in error.detail_ar)


class Word(msgspec.Struct):
    text: str

    def __post_init__(self) -> None:
        raise wire.WrongValue("word", "Not this word", "ليست هذه الكلمة")


def test_a_type_may_bring_its_own_words():
    with pytest.raises(Invalid) as refused:
        wire.decode(b'[{"text":"x"}]', list[Word])
    assert refused.value.errors[0].detail_ar == "ليست هذه الكلمة"
    assert refused.value.errors[0].path == "[0]"


@given(st.binary())
def test_any_bytes_decode_or_are_refused_with_our_own_error(data):
    for type_ in (Body, Item, list[Item], dict[str, Money], Any):
        assert status(data, type_) in {200, 400, 422}


@given(
    st.dictionaries(
        st.sampled_from(["items", "name", "count", "day", "key", "kind", "extra", "flag", "q"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["amount", "quantity", "z"]), inner, max_size=3)
            ),
        ),
    )
)
def test_any_value_decodes_or_is_refused_with_our_own_error(value):
    assert status(json.dumps(value).encode(), Body) in {200, 400, 422}


def test_stored_json_keeps_money_exact():
    stored = wire.dump(Body(items=[Item(Money("10.50"), Quantity("2.25"))]))
    assert isinstance(stored, str)
    assert wire.load(stored, Body).items == [Item(Money("10.50"), Quantity("2.25"))]
    with pytest.raises(msgspec.ValidationError):
        wire.load("[]", Body)


def test_a_long_name_of_the_callers_is_not_told_in_full():
    with pytest.raises(Invalid) as caught:
        wire.decode(b'{"' + b"k" * 100_000 + b'":1}', Body)
    assert len(caught.value.detail) < 300
    assert len(caught.value.errors[0].path) < 300


@pytest.mark.parametrize("text", ["1.50", "0.1", "-2.5", "9007199254740993.01", "12", '{"a":[1.10,"x",null,true]}'])
def test_json_without_types_goes_and_comes_without_loss(text):
    assert wire.encode(wire.tree(text)).decode() == text


def test_a_number_that_no_number_type_holds_is_refused():
    with pytest.raises(Invalid):
        wire.tree("[1e99999999999999999999999]")
