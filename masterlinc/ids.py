"""Keys: UUIDv7 inside, a prefix and 26 base-32 characters outside (`CLM-01J…`)."""

import re
import secrets
import time
from base64 import b32encode
from datetime import datetime
from uuid import UUID

from masterlinc.errors import NotFound

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())
_PADDING = bytes(4)
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_SHAPE = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
_last_millisecond = 0
_counter = 0


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562) that sorts after every one made before in this process."""
    global _counter, _last_millisecond  # noqa: PLW0603 - one monotonic counter a process is what method 1 of the RFC asks for
    now = time.time_ns() // 1_000_000
    if now > _last_millisecond:
        _last_millisecond, _counter = now, secrets.randbits(11)
    else:
        _counter += 1
        if _counter >= 1 << 12:
            _last_millisecond, _counter = _last_millisecond + 1, secrets.randbits(11)
    value = (_last_millisecond << 80) | (0x7 << 76) | (_counter << 64) | (0b10 << 62) | secrets.randbits(62)
    return UUID(int=value)


def lowest_id(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of a moment: the bound of a partition or of a search by time."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (0x7 << 76) | (0b10 << 62))


def show(prefix: str, key: UUID) -> str:
    """Write a key as it is seen outside."""
    padded = b32encode(_PADDING + key.bytes)  # 32 letters of five bits, of which the last 26 hold the key
    return f"{prefix}-{padded[6:].translate(_CROCKFORD).decode()}"


def looks_like(prefix: str, text: str) -> bool:
    """Say whether a text has the shape of a key with this prefix."""
    return text.startswith(f"{prefix}-") and _SHAPE.fullmatch(text[len(prefix) + 1 :]) is not None


def parse(prefix: str, text: str) -> UUID:
    """Read a key; raises NotFound for another prefix or shape."""
    if not looks_like(prefix, text):
        raise NotFound
    number = 0
    for letter in text[len(prefix) + 1 :]:
        number = (number << 5) | _VALUES[letter]
    return UUID(int=number)
