"""The other lines that a line is held against, as data."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from claimlinc.contract import Coding


class Other(Struct, frozen=True, gc=False):
    """A line that another one is held against: of the same claim, or of one before it."""

    day: date
    claim: str  # empty: of the same claim
    sequence: int
    position: int  # in the claim; -1: of another one
    codes: tuple[Coding, ...]
    quantity: Decimal
    body_site: str | None
    surfaces: tuple[str, ...]
    here: bool  # by the provider of the claim
    is_past: bool = False
    benefit: str = ""  # this and what follows: of a past line
    practitioner: str | None = None
    diagnoses: tuple[str, ...] = ()
    days_supply: int | None = None


class FirstVisit(NamedTuple):
    """The consultation that another one follows up."""

    day: date
    claim: str
    sequence: int


@dataclass(slots=True)
class Beside:
    """A claim's lines and what shares a code with them, and the patient; what is rarely asked is found when it is."""

    own: list[Other]
    by_code: dict[tuple[str, str], list[Other]]
    sex: str | None
    born: date | None
    with_details: tuple[Other, ...] = ()  # lines of the claim that list what they include
    by_day: dict[date, list[Other]] = field(default_factory=dict)  # all lines, once somebody asks
    follow_ups: dict[int, FirstVisit] = field(default_factory=dict)
    standing: dict[int, str] = field(default_factory=dict)  # the claim's lines that were decided and not rejected
    diagnoses: dict[tuple[int, ...], tuple[str, ...]] = field(default_factory=dict)
