"""What a document would change, as it is planned."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from masterlinc.errors import FieldError
from policylinc.changes.documents import Document
from policylinc.changes.references import References
from policylinc.changes.versions import Columns, Plan

NEW = "new"  # the base of what is not there yet
Rows = tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]  # of tables without versions


class Part(NamedTuple):
    """A plan for one set, and the columns of its new rows."""

    plan: Plan
    columns: Columns


class Change(NamedTuple):
    """All that a document changes; `rows` are made before the versions, `set_network` names a network anew."""

    document: Document
    faults: tuple[FieldError, ...]
    base: str
    parts: tuple[Part, ...] = ()
    rows: Rows = ()
    ends_contract: UUID | None = None
    backdated: bool = False  # what holds today was other than this says, from a day that is over


class Surroundings(NamedTuple):
    """Where and when a change is planned."""

    payer: UUID
    now: Any
    today: date
    references: References


def made_change(  # noqa: PLR0913 - the parts of a change
    where: Surroundings,
    document: Document,
    faults: Sequence[FieldError],
    parts: tuple[Part, ...],
    *,
    base: str,
    held: Iterable[Struct],
    rows: Rows = (),
) -> Change:
    """Return a change, and say whether it is of days that are over."""
    # What a subject says first changes nothing that held before.
    backdated = document.effective_from < where.today and any(True for _ in held) and any(p.plan.steps for p in parts)
    return Change(document, tuple(faults), base, parts, rows, backdated=backdated)
