"""Price lists, service rules and policies as CSV: the header says which. Rows become the trees that JSON would give."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from masterlinc.errors import FieldError

_PRICES = ("contract", "effective_from", "system", "code", "amount")
_PRICES_MAY = ("percent_of_billed", "provider")
_RULES = ("rule", "kind", "text", "text_ar", "effective_from")
_LISTS = ("codes", "diagnoses", "benefits", "includes")  # separated by spaces
_NUMBERS = ("days", "count", "min_age", "max_age")
_RULES_MAY = ("product", "policy_class", *_LISTS, "above", "in_emergencies", *_NUMBERS, "sex")
_POLICIES = ("policy_number", "product", "policy_class", "holder", "effective_from", "expiry_date")
_POLICIES_MAY = ("status", "annual_limit", "deductible", "network")
_HEADS = ("contract", "effective_from", "percent_of_billed", "provider", "product")  # of the document, not of a row
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


class Rows(NamedTuple):
    """The tree of a document, and the line that each of its items stands on."""

    tree: dict[str, Any]
    lines: list[int]


_Columns = tuple[tuple[str, ...], tuple[str, ...]]  # needed, and those that may be there
_Found = tuple[list[Rows], list[FieldError]]


def read_csv(data: bytes) -> _Found:
    """Read the rows of a file; those of one subject and day are one document."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        return [], [_fault(f"line {line}", "encoding", "The file is not UTF-8", "الملف ليس بترميز UTF-8")]
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return [], [_fault(f"line {line}", "encoding", "The file has a NUL character", "في الملف رمز NUL")]
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        faults = list(_header_faults(header))
        return ([], faults) if faults else _READERS[_columns(header)](reader)
    except csv.Error:
        at = f"line {reader.reader.line_num}"
        return [], [_fault(at, "csv", "This is not CSV: a quote is wrong", "الملف ليس بصيغة CSV: علامة اقتباس خاطئة")]


def _columns(header: Iterable[str]) -> _Columns:
    """Say by one column that no other table has what a table is of."""
    if "amount" in header:
        return _PRICES, _PRICES_MAY
    return (_POLICIES, _POLICIES_MAY) if "holder" in header else (_RULES, _RULES_MAY)


def _header_faults(header: list[str]) -> Iterator[FieldError]:
    needed, may = _columns(header)
    for name in needed:
        if name not in header:
            yield _fault(f"line 1, {name}", "missing", "The header lacks this column", "ينقص هذا العمود في السطر الأول")
    for name in header:
        if name not in {*needed, *may}:
            yield _fault(f"line 1, {name[:80]}", "unknown", "There is no such column", "لا يوجد عمود بهذا الاسم")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield _fault(f"line 1, {name}", "double", "The column is there twice", "تكرر العمود")


def _rows(reader: "csv.DictReader[str]", faults: list[FieldError]) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the cells that say something, with their line."""
    for row in reader:
        if None in row or None in row.values():
            at = f"line {reader.line_num}"
            faults.append(_fault(at, "columns", "The row has not the header's columns", "أعمدة السطر لا تطابق العنوان"))
        else:
            yield reader.line_num, {name: value.strip() for name, value in row.items() if value.strip()}


def _group(reader: "csv.DictReader[str]", items: str) -> _Found:
    faults: list[FieldError] = []
    found: dict[tuple[str, ...], Rows] = {}
    for line, given in _rows(reader, faults):
        head = {name: given.pop(name) for name in _HEADS if name in given}
        key = tuple(head.get(name, "") for name in _HEADS)
        kind = "price_list" if items == "prices" else "service_rules"
        rows = found.setdefault(key, Rows({"kind": kind, **head, items: []}, []))
        rows.tree[items].append(given if items == "prices" else _rule(given))
        rows.lines.append(line)
    return list(found.values()), faults


def _one_by_one(reader: "csv.DictReader[str]") -> _Found:
    faults: list[FieldError] = []
    return [Rows({"kind": "policy", **given}, [line]) for line, given in _rows(reader, faults)], faults


def _rule(given: Mapping[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = dict(given)
    value |= {name: given[name].split() for name in _LISTS if name in given}
    for name in _NUMBERS:
        if name in given and given[name].isascii() and given[name].isdigit():
            value[name] = int(given[name][:9])
    if "in_emergencies" in given:
        value["in_emergencies"] = _TRUTHS.get(given["in_emergencies"].lower(), given["in_emergencies"])
    return value


def _fault(path: str, code: str, detail: str, detail_ar: str) -> FieldError:
    return FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)


_READERS: dict[_Columns, Callable[["csv.DictReader[str]"], _Found]] = {
    (_PRICES, _PRICES_MAY): lambda reader: _group(reader, "prices"),
    (_RULES, _RULES_MAY): lambda reader: _group(reader, "rules"),
    (_POLICIES, _POLICIES_MAY): _one_by_one,
}
