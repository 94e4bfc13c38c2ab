"""What is left of the limits and authorizations that the lines of a claim draw on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from masterlinc.money import money
from policylinc.contract import BenefitTerm, LimitKind, LimitPer

_NOTHING = Decimal(0)
_VISIT, _ITEM = LimitPer.VISIT, LimitPer.ITEM
# No line counts more days than these: a wrong year in a message must not keep the adjudicator busy.
_LONGEST_STAY = 3660


@dataclass(slots=True)
class Bound:
    """One limit of a benefit, and what is left of it."""

    benefit: str
    rule_id: str
    kind: LimitKind
    per: LimitPer
    value: Decimal
    value_text: str
    left: Decimal
    visits: dict[date, Decimal] = field(default_factory=dict)

    def open(self, day: date) -> Decimal:
        """Return what a line of a day may still use."""
        if self.per is _VISIT:
            return self.visits.get(day, self.value)
        return self.left  # of an item nothing is ever drawn

    def draw(self, day: date, used: Decimal) -> None:
        """Take what a line used; where a reviewer set a limit aside, that may be more than was left."""
        if self.per is _VISIT:
            self.visits[day] = max(self.open(day) - used, _NOTHING)
        elif self.per is not _ITEM:
            self.left = max(self.left - used, _NOTHING)


@dataclass(slots=True)
class Grant:
    """A benefit as the lines of a claim use it: its limits, those of its parents, and the days it has counted."""

    term: BenefitTerm
    names: tuple[str, ...]  # the benefit, its parent, and so on
    waiting_days: int
    services: tuple[Bound, ...]  # count and days, of the benefit and then of its parents
    own: tuple[Bound, ...]  # in SAR
    above: tuple[Bound, ...]  # in SAR, of the parents
    copay_rate: Decimal
    copay_percent: str
    days: set[int] = field(default_factory=set)

    def new_days(self, first: date, last: date | None) -> list[int]:
        """Return the days of a line that no line of this benefit has counted."""
        if last is None or last <= first:
            day = first.toordinal()
            return [] if day in self.days else [day]
        return [day for day in stay(first, last) if day not in self.days]


def stay(first: date, last: date | None) -> range:
    """Return the days of a line, as ordinals."""
    start = first.toordinal()
    if last is None or last <= first:
        return range(start, start + 1)
    return range(start, min(last.toordinal() + 1, start + _LONGEST_STAY))


@dataclass(slots=True)
class Authorized:
    """An authorized service, and what is left of it."""

    reference: str
    valid_from: date
    valid_to: date
    codes: frozenset[tuple[str, str]]
    quantity: Decimal
    amount: Decimal


class Grants:
    """The benefits of a claim, each opened when its first line comes; a limit is shared by all that draw on it."""

    __slots__ = ("_bounds", "_opened", "_terms")

    def __init__(self, terms: Mapping[str, BenefitTerm]) -> None:
        self._terms = terms
        self._bounds: dict[str, tuple[Bound, ...]] = {}
        self._opened: dict[str, Grant | None] = {}

    def get(self, benefit: str) -> Grant | None:
        """Return a benefit, or None where the class has no such."""
        if benefit not in self._opened:
            self._opened[benefit] = self._open(benefit)
        return self._opened[benefit]

    def _open(self, benefit: str) -> Grant | None:
        chain = [*lineage(self._terms, benefit)]
        if not chain:
            return None
        bounds = [self._bounds_of(term) for term in chain]
        return Grant(
            term=chain[0],
            names=tuple(term.benefit for term in chain),
            waiting_days=max(term.waiting_days for term in chain),
            services=tuple(one for some in bounds for one in some if one.kind is not LimitKind.AMOUNT),
            own=tuple(one for one in bounds[0] if one.kind is LimitKind.AMOUNT),
            above=tuple(one for some in bounds[1:] for one in some if one.kind is LimitKind.AMOUNT),
            copay_rate=chain[0].copay_percent / 100,
            copay_percent=str(chain[0].copay_percent),
        )

    def _bounds_of(self, term: BenefitTerm) -> tuple[Bound, ...]:
        if term.benefit not in self._bounds:
            self._bounds[term.benefit] = tuple(_bounds(term))
        return self._bounds[term.benefit]


def lineage(terms: Mapping[str, BenefitTerm], benefit: str | None) -> Iterator[BenefitTerm]:
    """Yield a benefit, its parent, and so on; a ring of parents ends where it closes."""
    seen: set[str] = set()
    while benefit is not None and benefit not in seen and (term := terms.get(benefit)):
        yield term
        seen.add(benefit)
        benefit = term.parent


def _bounds(term: BenefitTerm) -> Iterator[Bound]:
    if term.limit is not None:
        yield _bound(term, LimitKind.AMOUNT, LimitPer.YEAR, term.limit, term.used)
    for limit in term.limits:
        yield _bound(term, limit.kind, limit.per, limit.value, limit.used)


def _bound(term: BenefitTerm, kind: LimitKind, per: LimitPer, value: Decimal, used: Decimal) -> Bound:
    lasting = per in (LimitPer.YEAR, LimitPer.LIFETIME)
    left = max(value - used, _NOTHING) if lasting else value
    if kind is LimitKind.AMOUNT:
        value, left = money(value), money(left)
    return Bound(term.benefit, term.rule_id, kind, per, value, str(value), left)
