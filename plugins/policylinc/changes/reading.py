"""Documents from the bytes of a file or a request: JSON, or CSV for long lists."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from masterlinc.errors import DomainError, FieldError
from masterlinc.wire import guard, tree
from policylinc.changes.csv_reading import read_csv
from policylinc.changes.documents import KINDS, Document
from policylinc.changes.fitting import fit

MAX_BYTES = 64 * 1024 * 1024  # of a file; a request is bounded by `max_body_bytes`
MOST_FAULTS = 1_000  # that are told of at once
_ITEM = re.compile(r"(?:prices|rules)\[([0-9]+)\]\.?(.*)", re.ASCII)
_BYTE = re.compile(r"byte ([0-9]+)", re.ASCII)


class Source(NamedTuple):
    """A document and where it was found: `at` is its path, or `lines` has the line of each item."""

    document: Document
    at: str = ""
    lines: Sequence[int] = ()
    file: str = ""

    def place(self, faults: Iterable[FieldError]) -> Iterator[FieldError]:
        """Say of each fault where it stands in what was read."""
        for fault in faults:
            yield _in_file(self.file, replace(fault, path=_place(fault.path, self.at, self.lines)))


class Read(NamedTuple):
    """What was read, and every fault."""

    sources: Sequence[Source]
    faults: Sequence[FieldError]


def join(files: Iterable[tuple[str, Read]]) -> Read:
    """Return what several (name, read) files say together; faults begin with the name where there are several."""
    read = list(files)
    names = [name if len(read) > 1 else "" for name, _ in read]
    return Read(
        [one._replace(file=name) for name, (_, found) in zip(names, read, strict=True) for one in found.sources],
        [_in_file(name, one) for name, (_, found) in zip(names, read, strict=True) for one in found.faults],
    )


def read_file(name: str, data: bytes) -> Read:
    """Read a file by the ending of its name."""
    if not name.lower().endswith(".csv"):
        return read_json(data)
    found, faults = read_csv(data)
    read = _read((one.tree, "", one.lines) for one in found)
    return Read(read.sources, [*faults, *read.faults])


def read_json(data: bytes) -> Read:
    """Read a document, or a list of some."""
    try:
        guard(data, max_bytes=MAX_BYTES)
        found = tree(data)
    except DomainError as fault:
        return Read((), (FieldError(_line_of(data, fault), fault.code, fault.detail, fault.detail_ar),))
    if isinstance(found, list):
        return _read((one, f"[{index}]", ()) for index, one in enumerate(found))
    return _read([(found, "", ())])


def _read(trees: Iterable[tuple[Any, str, Sequence[int]]]) -> Read:
    sources: list[Source] = []
    faults: list[FieldError] = []
    for value, at, lines in trees:
        found: list[FieldError] = []
        document = read_tree(value, found)
        if document is not None:
            sources.append(Source(document, at, lines))
        faults += (replace(one, path=_place(one.path, at, lines)) for one in found)
    return Read(sources, faults)


def read_tree(value: Any, faults: list[FieldError]) -> Document | None:
    """Read one document; None where it has a fault."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(KINDS)
        faults.append(FieldError("kind", "choice", f"The kind is one of: {known}", f"النوع أحد: {known}"))
        return None
    document: Document | None = fit(value, KINDS[kind], "", faults)
    return document


def _in_file(name: str, fault: FieldError) -> FieldError:
    return replace(fault, path=f"{name}: {fault.path}".removesuffix(": ")) if name else fault


def _place(path: str, at: str, lines: Sequence[int]) -> str:
    if not lines:
        return f"{at}.{path}" if at and path else at or path
    item = _ITEM.fullmatch(path)
    line, rest = (lines[int(item[1])], item[2]) if item else (lines[0], path)
    return f"line {line}, {rest}" if rest else f"line {line}"


def _line_of(data: bytes, fault: DomainError) -> str:
    """Name the line of a fault that tells its byte."""
    byte = _BYTE.search(fault.detail)
    if byte is None:
        return ""
    newlines = data.count(b"\n", 0, int(byte[1]))
    return f"line {newlines + 1}"
