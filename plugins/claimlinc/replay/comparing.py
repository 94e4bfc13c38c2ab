"""Whether a decision that is made again is the kept one, byte for byte."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field

from claimlinc.adjudication import RULES, RULES_VERSION, decide, words
from claimlinc.contract import Decision
from claimlinc.replay.canonical import canonical
from claimlinc.replay.judging import Opened
from claimlinc.service.deciding import decision_of

_VERSIONS = {rule.id: rule.version for rule in RULES}


class Other(Struct, frozen=True):
    """A decision that is not made again as it was kept."""

    decision_id: UUID
    decided_at: datetime
    claim_number: str
    at: str  # the first place that differs, as `lines[0].payer_share`
    kept: str
    made: str
    versions: bool  # it was decided by other versions of the rules


class Compared(Struct):
    """How many decisions were made again, and which are not as they were kept."""

    claims: int = 0
    same: int = 0
    different: int = 0
    other_versions: int = 0  # of those that differ: decided by other versions of the rules
    sample: list[Other] = field(default_factory=list)

    def count(self, one: Opened, lines: Iterable[Any], most: int) -> None:
        """Decide a claim again and count it; keeps a sample of at most so many."""
        kept = decision_of(one.row, lines)
        made = words.with_reasons(decide(one.submission, one.facts))
        self.claims += 1
        before, after = canonical(kept), canonical(made)
        if before == after:
            self.same += 1
            return
        self.different += 1
        versions = not same_versions(kept)
        self.other_versions += versions
        if len(self.sample) < most:
            at, was, now = _first_difference(msgspec.json.decode(before), msgspec.json.decode(after))
            row = one.row
            self.sample.append(Other(row["id"], row["decided_at"], row["identifier_value"], at, was, now, versions))

    def add(self, other: "Compared", most: int) -> None:
        """Add what another process counted of later claims."""
        self.claims += other.claims
        self.same += other.same
        self.different += other.different
        self.other_versions += other.other_versions
        self.sample += other.sample[: max(0, most - len(self.sample))]


def same_versions(decision: Decision) -> bool:
    """Say whether the rules that decided are those of this build."""
    looked = {(step.rule, step.version) for line in decision.lines for step in line.trace}
    return decision.rules_version == RULES_VERSION and all(
        _VERSIONS.get(rule, version) == version for rule, version in looked
    )


def _first_difference(was: Any, now: Any, path: str = "") -> tuple[str, str, str]:
    """Return the path of the first difference of two JSON trees, and what stands there."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if was.get(key) != now.get(key):
                return _first_difference(was.get(key), now.get(key), f"{path}.{key}" if path else key)
    if isinstance(was, list) and isinstance(now, list):
        for place in range(max(len(was), len(now))):
            before, after = _at(was, place), _at(now, place)
            if before != after:
                return _first_difference(before, after, f"{path}[{place}]")
    return path, _short(was), _short(now)


def _at(values: Sequence[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - a line on a terminal
