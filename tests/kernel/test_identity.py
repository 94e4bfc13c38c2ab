import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.identity import (
    BORDER_NUMBER,
    IQAMA,
    NATIONAL_ID,
    PASSPORT,
    check_saudi_id,
    identifier_is_valid,
    make_saudi_id,
    normalize_identifier,
    normalize_phone,
    system_of,
)

KINDS = st.sampled_from(["national_id", "iqama"])
SERIALS = st.integers(0, 10**8 - 1)


@given(KINDS, SERIALS)
def test_made_numbers_are_valid_and_of_their_kind(kind, serial):
    number = make_saudi_id(kind, serial)
    assert check_saudi_id(number) == kind
    assert identifier_is_valid(system_of(kind), number)


@given(KINDS, SERIALS, st.integers(1, 9), st.integers(1, 9))
def test_one_wrong_digit_is_seen(kind, serial, place, change):
    number = make_saudi_id(kind, serial)
    wrong = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
    assert check_saudi_id(wrong) is None


def test_known_numbers():
    assert check_saudi_id("1000000008") == "national_id"
    assert check_saudi_id("2000000006") == "iqama"
    for wrong in [
        "1000000000",
        "3000000004",
        "100000000",
        "10000000080",
        "١٠٠٠٠٠٠٠٠٨",
        " 1000000008",
        "1000000008\n",
        "",
        "1e00000008",
    ]:
        assert check_saudi_id(wrong) is None


def test_serial_bounds():
    for serial in [-1, 10**8]:
        with pytest.raises(ValueError, match="serial"):
            make_saudi_id("iqama", serial)


def test_identifiers_are_compared_in_one_form():
    assert normalize_identifier(" ١٠٠٠ ٠٠٠ ٠٠٨ ") == "1000000008"
    assert normalize_identifier("g1234 5678") == "G12345678"
    with pytest.raises(ValueError, match="not allowed"):
        normalize_identifier("1000\u200e000008")


def test_each_system_has_its_rule():
    assert not identifier_is_valid(IQAMA, "1000000008")
    assert not identifier_is_valid(NATIONAL_ID, "2000000006")
    assert not identifier_is_valid(IQAMA, "0000000001")
    assert identifier_is_valid(PASSPORT, "G12345678")
    assert identifier_is_valid(BORDER_NUMBER, "5555346")
    assert not identifier_is_valid(PASSPORT, "")
    assert not identifier_is_valid(PASSPORT, "<x>")


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("0512345678", "+966512345678"),
        ("512345678", "+966512345678"),
        ("+966 51 234-5678", "+966512345678"),
        ("00966512345678", "+966512345678"),
        ("966512345678", "+966512345678"),
        ("+9660512345678", "+966512345678"),
        ("٠٥١٢٣٤٥٦٧٨", "+966512345678"),
        ("(011) 234 5678", "+966112345678"),
        ("+44 20 7946 0958", "+442079460958"),
        ("0020 100 123 4567", "+201001234567"),
        ("05123", None),
        ("+96651234567", None),
        ("call me", None),
        ("05123\u202e45678", None),
        ("", None),
        ("+" + "1" * 16, None),
    ],
)
def test_phones_have_one_form(typed, phone):
    assert normalize_phone(typed) == phone
    if phone:
        assert normalize_phone(phone) == phone
