"""Who a person is in Saudi Arabia: identity numbers, the systems that name them, and phones."""

import re
from typing import Literal

from masterlinc.text import clean_identifier

NATIONAL_ID = "http://nphies.sa/identifier/nationalid"
IQAMA = "http://nphies.sa/identifier/iqama"
PASSPORT = "http://nphies.sa/identifier/passportnumber"
BORDER_NUMBER = "http://nphies.sa/identifier/bordernumber"
DISPLACED_PERSON = "http://nphies.sa/identifier/displacedperson"
PERSON_SYSTEMS = frozenset({NATIONAL_ID, IQAMA, PASSPORT, BORDER_NUMBER, DISPLACED_PERSON})

PROVIDER_LICENSE = "http://nphies.sa/license/provider-license"
PAYER_LICENSE = "http://nphies.sa/license/payer-license"
PRACTITIONER_LICENSE = "http://nphies.sa/license/practitioner-license"

SaudiId = Literal["national_id", "iqama"]

_SAUDI_ID = re.compile(r"[12][0-9]{9}", re.ASCII)
_ORDINARY_ID = re.compile(r"[0-9A-Z][0-9A-Z/_.-]{0,63}", re.ASCII)
_KINDS: dict[str, SaudiId] = {"1": "national_id", "2": "iqama"}
_SYSTEMS: dict[SaudiId, str] = {"national_id": NATIONAL_ID, "iqama": IQAMA}
_SERIALS = 10**8

_SEPARATORS = str.maketrans("", "", " \u00a0-.()/")
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
_SAUDI_PHONE = re.compile(r"(?:\+?9660?|00966|0)?(5[0-9]{8}|1[1-7][0-9]{7})", re.ASCII)


def check_saudi_id(value: str) -> SaudiId | None:
    """Say what a national identity or residence number is; None when its shape or check digit is wrong."""
    if not _SAUDI_ID.fullmatch(value) or _luhn(value) % 10:
        return None
    return _KINDS[value[0]]


def make_saudi_id(kind: SaudiId, serial: int) -> str:
    """Return the valid number of a kind with this serial from 0 to 99,999,999; for demo data and tests."""
    if not 0 <= serial < _SERIALS:
        raise ValueError("a serial lies between 0 and 99,999,999")
    body = f"{1 if kind == 'national_id' else 2}{serial:08d}"
    return f"{body}{-_luhn(body + '0') % 10}"


def system_of(kind: SaudiId) -> str:
    """Return the NPHIES identifier system of a kind of number."""
    return _SYSTEMS[kind]


def normalize_identifier(value: str) -> str:
    """Return an identifier as it is compared: ASCII digits, capitals, no inner spaces; raises ValueError."""
    return "".join(clean_identifier(value).upper().split())


def identifier_is_valid(system: str, value: str) -> bool:
    """Say whether an identifier keeps the rules of its system (BV-00797, BV-00798)."""
    if system in {NATIONAL_ID, IQAMA}:
        kind = check_saudi_id(value)
        return kind is not None and system_of(kind) == system
    return _ORDINARY_ID.fullmatch(value) is not None


def normalize_phone(value: str) -> str | None:
    """Return a phone as +9665xxxxxxxx, or +… of another country; None when it is no phone number."""
    try:
        digits = clean_identifier(value).translate(_SEPARATORS)
    except ValueError:
        return None
    if saudi := _SAUDI_PHONE.fullmatch(digits):
        return f"+966{saudi[1]}"
    foreign = f"+{digits[2:]}" if digits.startswith("00") else digits
    return foreign if _PHONE.fullmatch(foreign) and not foreign.startswith("+966") else None


def _luhn(digits: str) -> int:
    """Sum the digits, every second one from the first doubled; a multiple of ten for a valid number."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[::2])
    return sum(doubled) + sum(int(digit) for digit in digits[1::2])
