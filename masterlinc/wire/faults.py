"""A parser's complaint in our own words, in English and Arabic, with the path of the field."""

import re
from collections.abc import Callable

import msgspec

from masterlinc.errors import FieldError, Invalid

_AT = re.compile(r"(?P<said>.*?)(?: - at `(?:key in )?\$\.?(?P<path>.*)`)?", re.DOTALL)
_LONGEST_PATH = 200
_INDEX = re.compile(r"^\[")
_TYPES = {
    "int": ("a whole number", "عدد صحيح"),
    "float": ("a number", "رقم"),
    "decimal": ("a number", "رقم"),
    "str": ("a text", "نص"),
    "bool": ("true or false", "true أو false"),
    "null": ("null", "قيمة فارغة"),
    "object": ("an object", "كائن"),
    "array": ("a list", "قائمة"),
    "date": ("a date such as 2026-01-31", "تاريخ مثل 2026-01-31"),
    "datetime": ("a time such as 2026-01-31T12:00:00+03:00", "وقت مثل 2026-01-31T12:00:00+03:00"),
    "uuid": ("a UUID", "معرّف UUID"),
    "bytes": ("a base64 text", "نص base64"),
}
Words = tuple[str, str, str, str]  # code, field's name to append to the path, English, Arabic


class WrongValue(ValueError):
    """A value that a type refuses, with its words; raise it in a decoder or in `__post_init__`."""

    def __init__(self, code: str, detail: str, detail_ar: str) -> None:
        self.code, self.detail, self.detail_ar = code, detail, detail_ar
        super().__init__(detail)


def invalid(fault: msgspec.ValidationError) -> Invalid:
    """Turn a parser's complaint into the error that the caller meets."""
    error = field_error(fault)
    return Invalid(
        f"{error.path or 'The value'}: {error.detail}", f"{error.path or 'القيمة'}: {error.detail_ar}", errors=[error]
    )


def field_error(fault: msgspec.ValidationError | ValueError, *, root: str = "") -> FieldError:
    """Read the path and the kind of a fault; `root` is the name of what was parsed, where it has one."""
    match = _AT.fullmatch(str(fault))
    said, path = (match["said"], match["path"] or "") if match else (str(fault), "")
    cause = fault.__cause__
    if isinstance(cause, WrongValue):
        code, field, detail, detail_ar = cause.code, "", cause.detail, cause.detail_ar
    else:
        code, field, detail, detail_ar = words(said)
    path = _join(_join(root, path), field)
    return FieldError(path=_short(path), code=code, detail=detail, detail_ar=detail_ar)


def _short(path: str) -> str:
    """Cut a path that a caller made long: it is told several times."""
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"


def words(said: str) -> Words:
    """Word a complaint of msgspec ourselves; one that is not known gets a plain sentence."""
    for pattern, word in _KINDS:
        match = pattern.fullmatch(said)
        if match:
            return word(match)
    return "value", "", "This value is not allowed", "هذه القيمة غير مقبولة"


def _join(path: str, field: str) -> str:
    if not path or not field:
        return path or field
    return f"{path}{field}" if _INDEX.match(field) else f"{path}.{field}"


def _missing(match: re.Match[str]) -> Words:
    return "missing", match[1], "This field is required", "هذا الحقل مطلوب"


def _unknown(match: re.Match[str]) -> Words:
    return "unknown", match[1], "There is no such field", "لا يوجد حقل بهذا الاسم"


def _type(match: re.Match[str]) -> Words:
    expected, sent = _name(match[1]), _name(match[2])
    return (
        "null" if match[2] == "null" else "type",
        "",
        f"Expected {expected[0]}, not {sent[0]}",
        f"المتوقع {expected[1]} وليس {sent[1]}",
    )


def _name(types: str) -> tuple[str, str]:
    known = [_TYPES.get(name.strip(), (name.strip(), name.strip())) for name in types.split("|")]
    return " or ".join(english for english, _ in known), " أو ".join(arabic for _, arabic in known)


def _length(match: re.Match[str]) -> Words:
    bound = f"{match[1]} {match[2]}"
    return "length", "", f"The length must be {bound}", f"يجب أن يكون الطول {bound}"


def _range(match: re.Match[str]) -> Words:
    bound = f"{match[1]} {match[2]}"
    return "range", "", f"The value must be {bound}", f"يجب أن تكون القيمة {bound}"


def _pattern(_: re.Match[str]) -> Words:
    return "format", "", "The value does not have the right form", "صيغة القيمة غير صحيحة"


def _choice(_: re.Match[str]) -> Words:
    return "choice", "", "The value is not one of those that are allowed", "القيمة ليست من القيم المسموح بها"


def _too_big(_: re.Match[str]) -> Words:
    return "range", "", "The number is out of range", "الرقم خارج النطاق المسموح"


_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Words]], ...] = (
    (re.compile(r"Object missing required field `(.+)`"), _missing),
    (re.compile(r"Object contains unknown field `(.+)`", re.DOTALL), _unknown),
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), _type),
    (
        re.compile(r"Expected `(?:str|bytes|array|object)` of (?:at (?:least|most) )?length (>=|<=|==|<|>)? ?(\S+)"),
        _length,
    ),
    (re.compile(r"Expected `array` of (at least|at most) length (\d+).*"), _length),
    (re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (\S+)"), _range),
    (re.compile(r"Expected `str` matching regex .+", re.DOTALL), _pattern),
    (re.compile(r"Invalid (?:enum )?value .+", re.DOTALL), _choice),
    (re.compile(r"Integer value out of range|Number out of range"), _too_big),
    (
        re.compile(r"Invalid (?:UUID|RFC3339 encoded \w+|ISO8601 duration|decimal string|base64 encoded string).*"),
        _pattern,
    ),
)
