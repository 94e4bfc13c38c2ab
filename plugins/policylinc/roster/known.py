"""What a payer knows of the members that an enrolment file speaks of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction
from policylinc.roster.rows import Details, Row

_AT_A_TIME = 1000


@dataclass(slots=True)
class CoverState:
    """A member's cover under a policy while a file is planned: what was known, and what the file makes of it."""

    id: UUID
    person_id: UUID
    policy_id: UUID
    member_number: str
    effective_from: date
    effective_to: date
    first: Details  # as enrolled
    changes: list[tuple[date, Details]] = field(default_factory=list)  # by day, then in the order in which they came
    is_new: bool = False

    def holds(self, day: date) -> bool:
        """Say whether the cover runs on a day."""
        return self.effective_from <= day <= self.effective_to

    def overlaps(self, first: date, last: date) -> bool:
        """Say whether the cover runs on any of these days."""
        return self.effective_from <= last and first <= self.effective_to

    def details_on(self, day: date) -> Details:
        """Return what is known of the member on a day."""
        known = [details for since, details in self.changes if since <= day]
        return known[-1] if known else self.first


@dataclass(slots=True)
class PolicyState:
    """A policy that a line names."""

    id: UUID
    policy_number: str
    effective_date: date
    expiry_date: date


@dataclass(slots=True)
class Known:
    """Policies by number, covers by member number in the order of their days, and who carries an identifier."""

    policies: dict[str, PolicyState] = field(default_factory=dict)
    covers: dict[str, list[CoverState]] = field(default_factory=dict)
    carriers: dict[bytes, set[UUID]] = field(default_factory=dict)  # persons by blind index
    numbers: dict[UUID, str] = field(default_factory=dict)  # member numbers by person


async def read_known(tx: Transaction, payer: UUID, rows: Sequence[Row]) -> Known:
    """Read it a thousand keys at a time, by statements without a join: their plans are good for files of any length."""
    known = Known()
    for row in await _fetch(tx, _POLICIES, payer, {row.policy_number for row in rows if row.policy_number}):
        known.policies[row["policy_number"]] = PolicyState(**row)
    carried = await _fetch(tx, _CARRIED, payer, {blind for row in rows for blind in row.blinds})
    carriers = {row["id"]: row for row in await _fetch(tx, _CARRIERS, payer, {row["member_id"] for row in carried})}
    for row in carried:
        known.carriers.setdefault(row["blind"], set()).add(carriers[row["member_id"]]["person_id"])
    numbers = {row.member_number for row in rows} | {row.sponsor_number for row in rows if row.sponsor_number}
    await _read_covers(tx, payer, numbers | {row["member_number"] for row in carriers.values()}, known)
    return known


async def _fetch(tx: Transaction, sql: str, payer: UUID, keys: Collection[Any]) -> list[Any]:
    wanted, found = list(keys), []
    for start in range(0, len(wanted), _AT_A_TIME):
        found += await tx.fetch(sql, payer, wanted[start : start + _AT_A_TIME])
    return found


async def _read_covers(tx: Transaction, payer: UUID, numbers: Collection[str], known: Known) -> None:
    by_id: dict[UUID, CoverState] = {}
    for row in await _fetch(tx, _COVERS, payer, numbers):
        cover = CoverState(
            row["id"],
            row["person_id"],
            row["policy_id"],
            row["member_number"],
            row["effective_from"],
            row["effective_to"],
            _details(row),
        )
        by_id[cover.id] = cover
        known.covers.setdefault(cover.member_number, []).append(cover)
        known.numbers[cover.person_id] = cover.member_number
    for row in await _fetch(tx, _CHANGES, payer, by_id.keys()):
        by_id[row["member_id"]].changes.append((row["effective_from"], _details(row)))


def _details(row: dict[str, object]) -> Details:
    return Details(*(row[name] for name in Details.__struct_fields__))  # type: ignore[arg-type]


_POLICIES = """
SELECT id, policy_number, effective_date, expiry_date FROM policylinc.policy
WHERE organization_id = $1 AND policy_number = ANY ($2)
"""
_CARRIED = """
SELECT blind, member_id FROM policylinc.member_identifier WHERE organization_id = $1 AND blind = ANY ($2::bytea[])
"""
_CARRIERS = """
SELECT id, person_id, member_number FROM policylinc.member WHERE organization_id = $1 AND id = ANY ($2::uuid[])
"""
_COVERS = """
SELECT id, person_id, policy_id, member_number, effective_from, effective_to, name, birth_date, gender, relationship,
    sponsor_id
FROM policylinc.member WHERE organization_id = $1 AND member_number = ANY ($2) ORDER BY member_number, effective_from
"""
_CHANGES = """
SELECT member_id, effective_from, name, birth_date, gender, relationship, sponsor_id
FROM policylinc.member_change WHERE organization_id = $1 AND member_id = ANY ($2) ORDER BY effective_from, id
"""
