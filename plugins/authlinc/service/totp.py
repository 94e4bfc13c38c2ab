"""Codes of an authenticator (RFC 6238) and of its recovery: made, read and compared; nothing is stored here."""

import hashlib
import secrets
import unicodedata
from datetime import datetime
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError

RECOVERY_CODES = 10
_ISSUER = "MASTERLINC"
_DIGITS = 6
_LONGEST = 64
_WINDOW = 1  # steps of 30 seconds before and after now, for clocks that differ
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is read as another
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_GROUPS, _GROUP = 6, 4  # 24 letters, 120 bits: enough to be kept under a plain digest


def new_secret() -> str:
    """Return a new secret: 160 bits in base 32."""
    return pyotp.random_base32()


def otpauth_url(secret: str, email: str) -> str:
    """Return what an authenticator reads as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, out of the three around now; None where it is none of theirs."""
    if len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=_WINDOW)
    except OTPVerificationError:
        return None


def plain_code(typed: str) -> str:
    """Return a typed code without spaces, dashes and case, in ASCII digits; empty where it is too long for a code."""
    if len(typed) > _LONGEST:
        return ""
    wide = unicodedata.normalize("NFKC", typed)
    ascii_ = "".join(str(unicodedata.decimal(letter, letter)) for letter in wide)
    return ascii_.upper().translate(_LOOK_ALIKES)


def new_recovery_codes() -> tuple[str, ...]:
    """Return codes to be kept on paper, each of 120 random bits."""
    return tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))


def recovery_digest(user_id: UUID, code: str) -> bytes:
    """Return what is kept of a recovery code."""
    return hashlib.sha256(user_id.bytes + plain_code(code).encode()).digest()


def _new_recovery_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)
