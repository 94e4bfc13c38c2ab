from decimal import ROUND_DOWN, Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.money import ZERO, Money, Quantity, decode_hook, encode_hook, money, split

amounts = st.decimals(min_value=0, max_value=999_999_999_999, places=2, allow_nan=False, allow_infinity=False)
weights = st.lists(
    st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False), min_size=1, max_size=12
).filter(any)

REFUSED = [
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "1e999999",
    "-0",
    "-1",
    "+1",
    "1_000",
    " 1 ",
    "1 ",
    "\n1",
    "١٢٣",
    "１２",
    "1e2",
    "1E2",
    "0x10",
    "1,000.00",
    "1.",
    ".5",
    "01",
    "00",
    "1.234",
    "0.001",
    "1.000",
    "",
    "1000000000000",
    "9" * 2_000_000,
    "1\x00",
    None,
    True,
    False,
    1.5,
    0.1,
    float("nan"),
    [],
    {},
    b"1",
    -1,
    10**12,
    10**5000,
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("-0.01"),
    Decimal("1E+20"),
    Decimal("0.005"),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:20] if not isinstance(value, int) else "int")
def test_what_is_no_plain_amount_is_refused(value):
    with pytest.raises(ValueError, match=r"not a plain decimal number|integer string"):
        Money.parse(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0", "0.00"),
        ("0.1", "0.10"),
        ("150.00", "150.00"),
        (150, "150.00"),
        (Decimal("12.5"), "12.50"),
        (Decimal("1E+2"), "100.00"),
        ("999999999999.99", "999999999999.99"),
    ],
)
def test_a_plain_amount_has_two_places(value, amount):
    assert str(Money.parse(value)) == amount


@given(amounts)
def test_an_amount_is_read_as_it_is_written(amount):
    assert Money.parse(str(amount)) == amount


@given(st.text(max_size=20))
def test_no_text_makes_anything_but_an_amount_or_a_refusal(text):
    try:
        amount = Money.parse(text)
    except ValueError:
        return
    assert text.isascii()
    assert amount.is_finite()
    assert 0 <= amount < 10**12


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.005", "0.01"),
        ("0.004999999999", "0.00"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("2.675", "2.68"),
        ("10.0049", "10.00"),
        ("-0.004", "0.00"),
        ("999999999999.994", "999999999999.99"),
    ],
)
def test_the_halala_is_rounded_half_up(value, rounded):
    assert str(money(Decimal(value))) == rounded


def test_the_callers_context_has_no_say():
    with localcontext(prec=3, rounding=ROUND_DOWN):
        assert str(money(Decimal("123456789.125"))) == "123456789.13"


@pytest.mark.parametrize("value", ["-0.01", "-1", "1000000000000", "999999999999.995", "1e20"])
def test_what_does_not_fit_is_no_money(value):
    with pytest.raises(ValueError, match="between 0 and"):
        money(Decimal(value))


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1e60"])
def test_what_is_no_number_is_no_money(value):
    with pytest.raises(ValueError, match="between 0 and"):
        money(Decimal(value))


@given(amounts, weights)
def test_shares_sum_to_the_whole_and_none_is_negative(total, parts):
    shares = split(total, parts)
    assert sum(shares) == total
    assert len(shares) == len(parts)
    assert min(shares) >= 0


@given(amounts, weights)
def test_a_share_is_less_than_a_halala_for_each_part_away_from_its_exact_value(total, parts):
    for share, weight in zip(split(total, parts), parts, strict=True):
        exact = total * weight / sum(parts)
        assert abs(share - exact) <= Decimal("0.01") * len(parts)


@given(amounts, st.integers(min_value=1, max_value=40))
def test_equal_parts_differ_by_a_halala_at_most(total, count):
    shares = split(total, [Decimal(1)] * count)
    assert max(shares) - min(shares) <= Decimal("0.01")


@given(amounts, st.lists(st.fractions(min_value=0, max_value=1), min_size=1, max_size=8).filter(any))
def test_shares_of_endless_fractions_sum_to_the_whole(total, parts):
    weights = [Decimal(part.numerator) / Decimal(part.denominator) for part in parts]
    assert sum(split(total, weights)) == total


def test_a_part_without_weight_gets_nothing():
    assert split(Decimal("10.00"), [Decimal(0), Decimal(1), Decimal(0)]) == [ZERO, money("10.00"), ZERO]


@pytest.mark.parametrize("parts", [[], [Decimal(0)], [Decimal(-1), Decimal(2)], [Decimal(1), Decimal(-1)]])
def test_weights_that_say_nothing_are_refused(parts):
    with pytest.raises(ValueError, match="weights"):
        split(Decimal("1.00"), parts)


def test_tax_is_shared_as_the_amounts_are():
    assert split(Decimal("30.00"), [Decimal(170), Decimal(30)]) == [money("25.50"), money("4.50")]


def test_a_quantity_has_up_to_four_places():
    assert Quantity.parse("1.0001") == Decimal("1.0001")
    with pytest.raises(ValueError, match="not a plain"):
        Quantity.parse("1.00001")


class Line(msgspec.Struct):
    amount: Money
    quantity: Quantity


def test_money_is_written_as_an_exact_number():
    encoder = msgspec.json.Encoder(enc_hook=encode_hook, decimal_format="number")
    line = Line(Money.parse("900719925474.90"), Quantity.parse("2"))
    assert encoder.encode(line) == b'{"amount":900719925474.90,"quantity":2}'


def test_the_hooks_know_no_other_type():
    with pytest.raises(NotImplementedError):
        decode_hook(Decimal, "1")
    with pytest.raises(NotImplementedError):
        encode_hook(object())
