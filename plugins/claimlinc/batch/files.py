"""A file of submissions, a JSON object a line: read line by line, checked whole before anything is decided."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from zlib import crc32

from msgspec import Struct

from claimlinc.contract import ClaimSubmission, DecideSubmission
from claimlinc.service.checking import check_submission
from masterlinc import ids, wire
from masterlinc.errors import DomainError, FieldError, Invalid, NotFound

_MOST_FAULTS = 100


class FileLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line: what was submitted, and by which provider of this system, if by one."""

    submission: ClaimSubmission
    provider: str | None = None  # ORG-…


class Numbered(DecideSubmission, frozen=True):
    """A submission with the number of its line."""

    line: int = 0


class Share(Struct, frozen=True):
    """One of several parts of a file: a person's claims are all in one of them."""

    number: int = 0
    of: int = 1

    def has(self, submission: ClaimSubmission) -> bool:
        """Say whether a submission is in this part."""
        named = submission.cover.member_id or "".join(one.value for one in submission.subject.identifiers[:1])
        return crc32(named.encode()) % self.of == self.number


def read(path: Path, payer: UUID, share: Share = Share()) -> Iterator[Numbered]:  # noqa: B008 - an immutable whole
    """Read a part of a checked file."""
    for number, line in _lines(path):
        made = _parsed(line)
        if share.has(made.submission):
            provider = ids.parse("ORG", made.provider) if made.provider else None
            yield Numbered(payer, provider, made.submission, line=number)


def check(path: Path, max_lines: int) -> int:
    """Return how many submissions a file holds; raises Invalid with what is wrong and where, to a hundred faults."""
    faults: list[FieldError] = []
    count = 0
    for number, line in _lines(path):
        count += 1
        try:
            made = _parsed(line)
            if made.provider:
                ids.parse("ORG", made.provider)
            check_submission(made.submission, max_lines)
        except NotFound:
            faults.append(
                FieldError(f"line {number}: provider", "format", "ORG-… is expected", "المتوقع رقم مثل ORG-…")
            )
        except DomainError as fault:
            found = fault.errors or (FieldError("", fault.code, fault.detail, fault.detail_ar),)
            faults += [FieldError(f"line {number}: {one.path}", one.code, one.detail, one.detail_ar) for one in found]
        if len(faults) >= _MOST_FAULTS:
            break
    if faults:
        raise Invalid("the file cannot be decided as it is", "لا يمكن البت في الملف بصيغته الحالية", errors=faults)
    return count


def _parsed(line: bytes) -> FileLine:
    return wire.decode(line, FileLine)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line
