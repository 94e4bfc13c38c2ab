"""The code systems that the exchange takes, and what the shape of a code says about its system."""

import re
from decimal import Decimal
from typing import NamedTuple

BASE = "http://nphies.sa/terminology/CodeSystem/"
PROCEDURES = BASE + "procedures"
SERVICES = BASE + "services"
IMAGING = BASE + "imaging"
LABORATORY = BASE + "laboratory"
ORAL_IP = BASE + "oral-health-ip"
ORAL_OP = BASE + "oral-health-op"
TRANSPORT = BASE + "transportation-srca"
MEDICATION = BASE + "medication-codes"
OFFICIAL = frozenset(
    {
        PROCEDURES,
        SERVICES,
        IMAGING,
        LABORATORY,
        ORAL_IP,
        ORAL_OP,
        TRANSPORT,
        MEDICATION,
        BASE + "medical-devices",
        BASE + "scientific-codes",
        BASE + "diagnosis-related-group",
    }
)
UNLISTED_DRUG = "99999999999999"

_SBS = re.compile(r"([0-9]{5})-([0-9]{2})-([0-9]{2})", re.ASCII)
_SBS_PLAIN = re.compile(r"([0-9]{5})([0-9]{2})([0-9]{2})", re.ASCII)
_GTIN = re.compile(r"[0-9]{14}", re.ASCII)
_TOOTH_SERVICE = re.compile(r"[0-9]{3}", re.ASCII)

# Leading digits of SBS codes by chapter; where a range is shared or small, the guess is worth less.
_RANGES: tuple[tuple[range, str, Decimal], ...] = (
    (range(55, 62), IMAGING, Decimal("0.90")),
    (range(65, 74), LABORATORY, Decimal("0.90")),
    (range(83, 84), SERVICES, Decimal("0.90")),
    (range(85, 86), TRANSPORT, Decimal("0.70")),
    (range(97, 98), ORAL_OP, Decimal("0.80")),
    (range(98, 99), SERVICES, Decimal("0.70")),
)


class Guess(NamedTuple):
    """A system that a code's shape speaks for; `code` is written the official way."""

    system: str
    code: str
    confidence: Decimal


def guess(code: str, claim_type: str) -> Guess | None:
    """Recognise the shape of a code: SBS with or without hyphens, a drug's GTIN, a three-digit dental code."""
    match = _SBS.fullmatch(code)
    if match:
        return _sbs(match, claim_type, Decimal(1))
    if _GTIN.fullmatch(code):
        return Guess(MEDICATION, code, Decimal("0.95") if has_check_digit(code) else Decimal("0.60"))
    if claim_type == "oral" and _TOOTH_SERVICE.fullmatch(code):
        return Guess(ORAL_OP, code, Decimal("0.80"))
    match = _SBS_PLAIN.fullmatch(code)
    return _sbs(match, claim_type, Decimal("0.80")) if match else None


def has_check_digit(gtin: str) -> bool:
    """Say whether a GTIN's last digit fits the others (GS1, modulo 10); the number for unlisted drugs counts."""
    digits = [int(digit) for digit in gtin]
    total = sum(digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits[:-1]))
    return gtin == UNLISTED_DRUG or (10 - total % 10) % 10 == digits[-1]


def _sbs(match: re.Match[str], claim_type: str, weight: Decimal) -> Guess:
    number, code = match[1], "-".join(match.groups())
    if number.startswith("835"):
        return Guess(TRANSPORT, code, Decimal("0.80") * weight)
    for leading, system, confidence in _RANGES:
        if int(number[:2]) in leading:
            inpatient = system == ORAL_OP and claim_type == "institutional"
            return Guess(ORAL_IP if inpatient else system, code, confidence * weight)
    return Guess(PROCEDURES, code, Decimal("0.80") * weight)
