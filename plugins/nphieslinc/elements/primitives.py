"""Whether a JSON value is of a primitive type of FHIR R4 (section 2.24.0.1)."""

import re
from calendar import monthrange
from collections.abc import Callable
from typing import TypeGuard

from nphieslinc.fhir import Number

Check = Callable[[object], bool]

_DAY = r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE = re.compile(_DAY, re.ASCII)
_DATE_TIME = re.compile(rf"{_DAY}(?:(?<=-[0-9]{{2}}-[0-9]{{2}})T{_TIME}{_ZONE})?", re.ASCII)
_INSTANT = re.compile(rf"([0-9]{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_TIME}{_ZONE}", re.ASCII)
_CLOCK = re.compile(_TIME, re.ASCII)
_CODE = re.compile(r"\S+(?: \S+)*", re.ASCII)
_URI = re.compile(r"\S+")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_SPACE = re.compile(r"\s+")
_LONGEST = 1024 * 1024  # characters of a string
_HIGHEST = 2**31 - 1


def is_text(value: object) -> TypeGuard[str]:
    """Say whether a value is a JSON string; a number with a point is kept as text, and is none."""
    return isinstance(value, str) and not isinstance(value, Number)


def _string(value: object) -> bool:
    return is_text(value) and 0 < len(value) <= _LONGEST and not value.isspace()


def _boolean(value: object) -> bool:
    return isinstance(value, bool)


def _decimal(value: object) -> bool:
    return isinstance(value, int | Number) and not isinstance(value, bool)


def _whole(lowest: int) -> Check:
    def check(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= _HIGHEST

    return check


def _matching(pattern: re.Pattern[str]) -> Check:
    def check(value: object) -> bool:
        return is_text(value) and pattern.fullmatch(value) is not None

    return check


def _dated(pattern: re.Pattern[str]) -> Check:
    def check(value: object) -> bool:
        found = pattern.fullmatch(value) if is_text(value) else None
        if found is None or int(found[1]) == 0:
            return False
        return found[3] is None or int(found[3]) <= monthrange(int(found[1]), int(found[2]))[1]

    return check


def _base64(value: object) -> bool:
    if not is_text(value) or not value:
        return False
    text = str(value)
    return (
        _BASE64.fullmatch(text if text.isascii() and " " not in text and "\n" not in text else _SPACE.sub("", text))
        is not None
    )


PRIMITIVES: dict[str, Check] = {
    "string": _string,
    "markdown": _string,
    "xhtml": _string,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _whole(-_HIGHEST - 1),
    "unsignedInt": _whole(0),
    "positiveInt": _whole(1),
    "date": _dated(_DATE),
    "dateTime": _dated(_DATE_TIME),
    "instant": _dated(_INSTANT),
    "time": _matching(_CLOCK),
    "code": _matching(_CODE),
    "uri": _matching(_URI),
    "url": _matching(_URI),
    "canonical": _matching(_URI),
    "id": _matching(_ID),
    "oid": _matching(_OID),
    "uuid": _matching(_UUID),
    "base64Binary": _base64,
}
