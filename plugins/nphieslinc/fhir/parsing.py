"""Bytes to a tree; numbers keep the text that they were sent as."""

import json
import re
from typing import Any, NoReturn

from nphieslinc.errors import NotJson

MAX_DEPTH = 64  # a poll answer with a nested bundle stays under 30

Tree = dict[str, Any]

# What PostgreSQL cannot store or FHIR forbids in a string; tabs and line ends are allowed.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class Number(str):
    """A JSON number with a point or an exponent, as its text: never a float."""

    __slots__ = ()


def parse(data: bytes) -> Tree:
    """Read one JSON object; raises NotJson with what is wrong in both languages."""
    try:
        tree = json.loads(
            data.decode("utf-8"),
            parse_float=Number,
            parse_int=_integer,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as fault:
        raise NotJson(f"byte {fault.start} is not UTF-8", f"البايت {fault.start} ليس بترميز UTF-8") from None
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno}, column {fault.colno}"
        place_ar = f"السطر {fault.lineno}، العمود {fault.colno}"
        raise NotJson(f"not JSON: {fault.msg} at {place}", f"ليس بصيغة JSON صحيحة عند {place_ar}") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(tree, dict):
        raise NotJson("the message must be one JSON object", "يجب أن تكون الرسالة كائن JSON واحداً")
    _check_text(tree)
    return tree


def _object(pairs: list[tuple[str, Any]]) -> Tree:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"the name {twice[:80]!r} stands twice in one object", f"تكرر الاسم {twice[:80]!r} في كائن واحد")
    return made


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= 18 else Number(text)  # noqa: PLR2004 - beyond 64 bits no count makes sense


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON number", f"{name} ليس رقماً في JSON")


def _too_deep() -> NotJson:
    return NotJson(f"nested deeper than {MAX_DEPTH} levels", f"التداخل أعمق من {MAX_DEPTH} مستوى")


def _check_text(tree: Tree) -> None:
    """Refuse what no store can hold, and what is too deep; iterative, so that depth costs no stack."""
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if _UNSTORABLE.search(value):
                raise NotJson("a text holds control characters", "يحتوي أحد النصوص على رموز تحكم غير مسموحة")
            continue
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, dict):
            waiting.extend((name, depth) for name in value if _UNSTORABLE.search(name))
            waiting.extend((inner, depth + 1) for inner in value.values() if isinstance(inner, dict | list | str))
        elif isinstance(value, list):
            waiting.extend((inner, depth + 1) for inner in value if isinstance(inner, dict | list | str))
