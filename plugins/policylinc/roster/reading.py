"""Reading enrolment files: CSV with a heading, or a JSON list of objects, of the same fields."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from masterlinc.errors import FieldError, Invalid, Malformed
from masterlinc.identity import identifier_is_valid
from masterlinc.text import clean, clean_identifier
from masterlinc.wire import decode
from policylinc.checks import GENDERS
from policylinc.contract import PersonIdentifier
from policylinc.roster.rows import COLUMNS, DATES, DETAILS, IDENTIFIERS, RELATIONSHIPS, Action, Faults, Row, fault

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)
_WORDS: dict[str, tuple[str, str]] = {
    "policy_number": ("A number of 1 to 64 visible characters is expected", "المتوقع رقم من 1 إلى 64 حرفاً"),
    "member_number": ("A number of 1 to 64 visible characters is expected", "المتوقع رقم من 1 إلى 64 حرفاً"),
    "sponsor_number": ("A number of 1 to 64 visible characters is expected", "المتوقع رقم من 1 إلى 64 حرفاً"),
    "name": ("A text of 1 to 200 visible characters is expected", "المتوقع نص من 1 إلى 200 حرف"),
    "gender": (f"One of {', '.join(sorted(GENDERS))} is expected", "الجنس ليس من القيم المعتمدة"),
    "relationship": (f"One of {', '.join(sorted(RELATIONSHIPS))} is expected", "صلة القرابة ليست من القيم المعتمدة"),
    "action": ("One of add, change, end is expected", "المتوقع إحدى القيم: add أو change أو end"),
    **dict.fromkeys(("birth_date", *DATES), ("A day such as 2026-01-31 is expected", "المتوقع تاريخ مثل 2026-01-31")),
    **dict.fromkeys(IDENTIFIERS, ("The number is not valid", "الرقم غير صحيح")),
}
_MISSING = ("This is missing", "هذا الحقل مطلوب")
_NOT_HERE = ("A line with this action says nothing here", "لا يُملأ هذا الحقل مع هذا الإجراء")
_NEEDED = {
    Action.ADD: ("policy_number", "member_number", "name"),
    Action.CHANGE: ("member_number", "effective_from"),
    Action.END: ("member_number", "effective_to"),
}
_REFUSED = {
    Action.ADD: (),
    Action.CHANGE: ("effective_to",),
    Action.END: (*DETAILS, "effective_from", *IDENTIFIERS),
}

Cells = Mapping[str, str]


def read_csv(data: bytes, faults: Faults) -> list[tuple[int, Cells]]:
    """Return the lines of a CSV file with their numbers; raises Malformed or Invalid for what is no such file."""
    try:
        text = data.decode("utf-8-sig")
        if "\0" in text:
            raise Malformed
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        heading = [name.strip() for name in next(reader, [])]
        _check_heading(heading)
        found = []
        for row in reader:
            if len(row) == len(heading):
                found.append((reader.line_num, dict(zip(heading, row, strict=True))))
            elif row:
                faults.append(fault(reader.line_num, "", "fields", _fields(len(row), len(heading))))
    except (UnicodeDecodeError, csv.Error):
        raise Malformed("The file is no CSV in UTF-8", "الملف ليس بصيغة CSV وترميز UTF-8") from None
    return [(line, cells) for line, cells in found if any(cells.values())]


def read_json(data: bytes, faults: Faults) -> list[tuple[int, Cells]]:
    """Return the objects of a JSON list with their places, from 1; raises Malformed or Invalid."""
    found: list[tuple[int, Cells]] = []
    for number, one in enumerate(decode(data, list[dict[str, Any]]), start=1):
        before = len(faults)
        for name, value in one.items():
            if name not in COLUMNS:
                faults.append(fault(number, name[:64], "unknown", ("This field is not known", "حقل غير معروف")))
            elif value is not None and not isinstance(value, str):
                faults.append(fault(number, name, "type", ("A text is expected", "المتوقع نص")))
        if len(faults) == before:
            found.append((number, {name: value or "" for name, value in one.items()}))
    return found


def read_row(line: int, cells: Cells, faults: Faults) -> Row | None:
    """Return what a line says; None, and every fault of it in `faults`, where it cannot be read."""
    read = {name: value.strip() for name, value in cells.items() if value.strip()}
    before = len(faults)
    try:
        action = Action(read.pop("action", Action.ADD))
    except ValueError:
        faults.append(fault(line, "action", "choice", _WORDS["action"]))
        return None
    faults.extend(fault(line, name, "missing", _MISSING) for name in _NEEDED[action] if name not in read)
    faults.extend(fault(line, name, "not-here", _NOT_HERE) for name in _REFUSED[action] if name in read)
    values: dict[str, Any] = {}
    for name, text in read.items():
        if name in IDENTIFIERS:
            continue
        try:
            values[name] = _READERS[name](text)
        except ValueError:
            faults.append(fault(line, name, "value", _WORDS[name]))
    identifiers = tuple(_identifiers(line, read, faults))
    return None if len(faults) > before else Row(line=line, action=action, identifiers=identifiers, **values)


def _check_heading(heading: list[str]) -> None:
    faults = [
        FieldError(f"heading.{name[:64]}", "unknown", "This column is not known", "عمود غير معروف")
        for name in heading
        if name not in COLUMNS
    ]
    faults += [
        FieldError(f"heading.{name}", "double", "This column is there twice", "العمود مكرر")
        for name in sorted({name for name in heading if name in COLUMNS and heading.count(name) > 1})
    ]
    if "member_number" not in heading:
        faults.append(FieldError("heading.member_number", "missing", *_MISSING))
    if faults:
        raise Invalid(errors=faults)


def _fields(row: int, heading: int) -> tuple[str, str]:
    return (
        f"The line has {row} fields, the heading {heading}",
        f"في السطر {row} حقلاً وفي العنوان {heading}",
    )


def _identifiers(line: int, read: Cells, faults: Faults) -> Iterator[PersonIdentifier]:
    for name, system in IDENTIFIERS.items():
        if name not in read:
            continue
        if identifier_is_valid(system, read[name]):
            yield PersonIdentifier(system, read[name])
        else:
            faults.append(fault(line, name, "identifier", _WORDS[name]))


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError("no day")
    day = date.fromisoformat(text)
    if not _FIRST <= day <= _LAST:
        raise ValueError("out of range")
    return day


def _number(text: str) -> str:
    if clean_identifier(text) != text:
        raise ValueError("other digits")
    return text


def _one_of(choices: frozenset[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("not among the choices")
        return text

    return read


_READERS: Mapping[str, Callable[[str], Any]] = {
    "policy_number": _number,
    "member_number": _number,
    "sponsor_number": _number,
    "name": lambda text: clean(text, least=1, most=200),
    "gender": _one_of(GENDERS),
    "relationship": _one_of(RELATIONSHIPS),
    "birth_date": _day,
    "effective_from": _day,
    "effective_to": _day,
}
