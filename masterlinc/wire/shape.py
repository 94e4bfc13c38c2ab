"""What is checked of JSON bytes before a typed parser sees them.

Nothing here walks good bytes in Python: a megabyte costs a few milliseconds of C.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from masterlinc.errors import FieldError, Invalid, Malformed, TooLarge

MAX_BYTES = 10_485_760  # what NPHIES takes (BV-00076)
MAX_DEPTH = 32
MAX_ELEMENTS = 400_000  # a full batch of NPHIES claims has about 23 a kilobyte

_MAX_DIGITS = 4_300
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHER = bytes(set(range(256)) - set(b"[]{}"))
_untyped = msgspec.json.Decoder(float_hook=str)


def guard(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_elements: int = MAX_ELEMENTS
) -> Any:
    """Refuse bytes that are too large, too deep, too many, not JSON, or ambiguous; return them parsed without types."""
    if len(data) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes:,} bytes", f"حجم الطلب يتجاوز {max_bytes:,} بايت")
    if not data.isascii():
        _check_encoding(data)
    outside = _outside_strings(data)
    opened = outside.count(b"[") + outside.count(b"{")
    if outside.count(b",") + opened > max_elements:
        raise TooLarge(f"The body has more than {max_elements:,} elements", f"عدد العناصر يتجاوز {max_elements:,}")
    if opened > max_depth:
        _check_depth(outside.translate(_BRACKETS, _OTHER), max_depth)
    tree = _parse(data)
    if outside.count(b":") != _members(tree):
        twice = _written_twice(data)
        raise Malformed(f"A key is written twice in one object: {twice}", f"تكرر مفتاح في الكائن نفسه: {twice}")
    if b"-0" in outside:
        _check_negative_zero(data, outside)
    if b"\\u0000" in data and b"\\u0000" in data.replace(b"\\\\", b""):
        _refuse_nul(tree)
    return tree


def _check_encoding(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8", "ترميز الطلب ليس UTF-8") from None


def _outside_strings(data: bytes) -> bytes:
    """Cut all strings out.

    Up to the first syntax error this sees strings exactly as a parser does, and no parser gets further than that.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(data.split(b'"')[::2])


def _check_depth(brackets: bytes, limit: int) -> None:
    """Take the innermost pairs away, one level a pass; what is left after `limit` passes is deeper."""
    for _ in range(limit):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    if brackets:
        raise Malformed(
            f"The body nests deeper than {limit} levels or is not closed",
            f"تداخل الطلب أعمق من {limit} مستوى أو أنه غير مغلق",
        )


def _parse(data: bytes) -> Any:
    try:
        return _untyped.decode(data)
    except msgspec.ValidationError:  # the only one without types: an integer beyond Python's limit of digits
        path = _find_integer(data, lambda digits: len(digits) > _MAX_DIGITS)
        raise _wrong(path, "range", "The number is out of range", "الرقم خارج النطاق المسموح") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        where = str(fault).removeprefix("JSON is malformed: ")
        raise Malformed(f"The body is not JSON: {where}", "الطلب ليس بصيغة JSON صحيحة") from None


def _members(tree: Any) -> int:
    """Count the members that survived parsing: of equal keys only the last does."""
    return _outside_strings(msgspec.json.encode(tree)).count(b":")


def _written_twice(data: bytes) -> str:
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)

    json.loads(data, object_pairs_hook=look, parse_int=str, parse_float=str)
    return ", ".join(repr(key[:60]) for key in found[:5])


def _check_negative_zero(data: bytes, outside: bytes) -> None:
    """Refuse the integer -0, whose sign a parser loses; -0.5 is a number like any other."""
    if all(piece.startswith((b".", b"e", b"E")) for piece in outside.split(b"-0")[1:]):
        return
    path = _find_integer(data, lambda digits: digits == "-0")
    raise _wrong(path, "number", "-0 is not a number here", "القيمة ‎-0 غير مقبولة")


def _refuse_nul(tree: Any) -> None:
    path = _find(tree, lambda leaf: isinstance(leaf, str) and "\0" in leaf) or ""
    raise _wrong(path, "nul", "The character U+0000 is not allowed in a text", "الرمز U+0000 غير مسموح في النصوص")


def _wrong(path: str, code: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(detail, detail_ar, errors=[FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)])


def _find_integer(data: bytes, wanted: Callable[[str], bool]) -> str:
    marked = json.loads(data, parse_int=lambda digits: ... if wanted(digits) else "", parse_float=str)
    return _find(marked, lambda leaf: leaf is ...) or ""


def _find(tree: Any, wanted: Callable[[Any], bool], path: str = "") -> str | None:
    """Return the path of the first leaf or key that is wanted."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if wanted(key):
                return path
            found = _find(value, wanted, f"{path}.{key}" if path else key)
            if found is not None:
                return found
        return None
    if isinstance(tree, list):
        places = (_find(value, wanted, f"{path}[{index}]") for index, value in enumerate(tree))
        return next((place for place in places if place is not None), None)
    return path if wanted(tree) else None
