"""What differs, counted: one claim after the other, and the counts of several processes put together."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct, field

from claimlinc.replay.figures import AMOUNTS
from masterlinc import ids

_ZERO = Decimal("0.00")


class Moved(Struct):
    """How many lines or claims changed, and what moved with them."""

    count: int = 0
    payer_share: Decimal = _ZERO
    patient_share: Decimal = _ZERO

    def add(self, other: "Moved") -> None:
        """Add to it."""
        self.count += other.count
        self.payer_share += other.payer_share
        self.patient_share += other.patient_share


class Change(Struct, frozen=True):
    """A claim that would be decided otherwise: whose it is, and what differs, by the rule that found something else."""

    decision_id: UUID
    decided_at: datetime
    claim_number: str
    payer: UUID
    provider: UUID | None
    license: str
    member: UUID | None
    outcomes: tuple[str, str]
    shares: tuple[tuple[str, str], tuple[str, str]]  # payer's and patient's, before and after
    amounts: dict[str, Decimal]  # what is added, by the names of AMOUNTS
    rules: dict[str, Moved]  # of its changed lines

    @property
    def moved(self) -> Moved:
        """Return what moved, as one claim."""
        return Moved(1, self.amounts["payer_share"], self.amounts["patient_share"])


class Tally(Struct):
    """What differs over many claims; `sample` holds the first that changed."""

    claims: int = 0
    changed: int = 0
    changed_lines: int = 0
    amounts: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(AMOUNTS, _ZERO))
    rules: dict[str, Moved] = field(default_factory=dict)
    payers: dict[str, Moved] = field(default_factory=dict)
    providers: dict[str, Moved] = field(default_factory=dict)  # by number, or by licence where there is none
    outcomes: dict[str, int] = field(default_factory=dict)  # `approved partial`: from and to
    sample: list[Change] = field(default_factory=list)

    def count(self, claims: int, changes: Iterable[Change], most: int) -> None:
        """Count some claims, of which these changed; keeps a sample of at most so many."""
        self.claims += claims
        for change in changes:
            self.changed += 1
            self.changed_lines += sum(one.count for one in change.rules.values())
            for name, amount in change.amounts.items():
                self.amounts[name] += amount
            for rule, moved in change.rules.items():
                self.rules.setdefault(rule, Moved()).add(moved)
            self.payers.setdefault(ids.show("ORG", change.payer), Moved()).add(change.moved)
            self.providers.setdefault(_party(change), Moved()).add(change.moved)
            outcomes = " ".join(change.outcomes)
            self.outcomes[outcomes] = self.outcomes.get(outcomes, 0) + 1
            if len(self.sample) < most:
                self.sample.append(change)

    def add(self, other: "Tally", most: int) -> None:
        """Add what another process counted of later claims."""
        self.claims += other.claims
        self.changed += other.changed
        self.changed_lines += other.changed_lines
        for name, amount in other.amounts.items():
            self.amounts[name] += amount
        for mine, theirs in zip(self._groups(), other._groups(), strict=True):  # noqa: SLF001 - of the same kind
            for key, moved in theirs.items():
                mine.setdefault(key, Moved()).add(moved)
        for outcomes, claims in other.outcomes.items():
            self.outcomes[outcomes] = self.outcomes.get(outcomes, 0) + claims
        self.sample += other.sample[: max(0, most - len(self.sample))]

    def _groups(self) -> tuple[dict[str, Moved], ...]:
        return self.rules, self.payers, self.providers


def _party(change: Change) -> str:
    """Name a provider by its number; where only its licence is known, by that behind a space."""
    return ids.show("ORG", change.provider) if change.provider else f" {change.license}"
