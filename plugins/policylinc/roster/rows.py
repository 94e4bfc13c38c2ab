"""What a line of an enrolment file says."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from masterlinc.errors import FieldError
from masterlinc.identity import BORDER_NUMBER, DISPLACED_PERSON, IQAMA, NATIONAL_ID, PASSPORT
from policylinc.contract import PersonIdentifier

IDENTIFIERS = {
    "national_id": NATIONAL_ID,
    "iqama": IQAMA,
    "passport": PASSPORT,
    "border_number": BORDER_NUMBER,
    "displaced_person": DISPLACED_PERSON,
}
DETAILS = ("name", "birth_date", "gender", "relationship", "sponsor_number")
DATES = ("effective_from", "effective_to")
COLUMNS = ("action", "policy_number", "member_number", *DETAILS, *DATES, *IDENTIFIERS)
RELATIONSHIPS = frozenset({"self", "spouse", "child", "parent", "common", "other", "injured"})


class Action(StrEnum):
    """What a line does."""

    ADD = "add"
    CHANGE = "change"
    END = "end"


class Row(Struct, frozen=True, kw_only=True):
    """A line that can be read; what it leaves empty is None."""

    line: int
    action: Action
    member_number: str
    policy_number: str | None = None
    name: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    relationship: str | None = None
    sponsor_number: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    identifiers: tuple[PersonIdentifier, ...] = ()
    blinds: tuple[bytes, ...] = ()  # what the identifiers are found by, in their order


class Details(Struct, frozen=True):
    """What is known of a member from a day on."""

    name: str
    birth_date: date | None = None
    gender: str | None = None
    relationship: str | None = None
    sponsor_id: UUID | None = None


class Summary(Struct, frozen=True):
    """What a file did, or would do."""

    rows: int
    added: int
    changed: int
    ended: int
    unchanged: int
    checked_only: bool


Faults = list[tuple[int, FieldError]]  # with the number of the line


def fault(line: int, field: str, code: str, words: tuple[str, str]) -> tuple[int, FieldError]:
    """Return a fault of a field of a line, in English and Arabic."""
    return line, FieldError(f"lines[{line}].{field}" if field else f"lines[{line}]", code, *words)
