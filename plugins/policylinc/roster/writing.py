"""Writing a plan: each kind of row a thousand at a time, so that a long file takes few statements, and none is long."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction
from masterlinc.identity import identifier_is_valid
from masterlinc.ids import new_id, show
from masterlinc.sealing import Vault
from policylinc.contract import MemberEnrolled
from policylinc.persons import seal
from policylinc.roster.known import CoverState
from policylinc.roster.planning import Plan
from policylinc.roster.rows import Details

_AT_A_TIME = 1000


async def lock_roster(tx: Transaction, payer: UUID) -> None:
    """Wait for the payer's other files: a plan rests on what it has read."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('policylinc.roster ' || $1, 0))", str(payer))


async def write_plan(tx: Transaction, vault: Vault, payer: UUID, plan: Plan, now: datetime) -> None:
    """Write all of it: ends first, since a member who goes to another policy is covered once a day."""
    ends = ((cover.id, cover.effective_to) for cover, _ in plan.ended.values())
    covers = (
        (
            cover.id,
            cover.policy_id,
            cover.person_id,
            cover.member_number,
            cover.effective_from,
            cover.effective_to,
            *_details(cover.first),
        )
        for cover in _in_order(plan.added)
    )
    changes = ((new_id(), cover.id, day, *_details(details)) for cover, day, details in plan.changed)
    identifiers = (
        (cover.id, one.system, seal(vault, payer, cover.id, one), blind, identifier_is_valid(one.system, one.value))
        for cover, one, blind in plan.identifiers
    )
    await _write(tx, _ENDS, ends, payer)
    await _write(tx, _COVERS, covers, payer, now)
    await _write(tx, _CHANGES, changes, payer, now)
    await _write(tx, _IDENTIFIERS, identifiers, payer)
    _tell(tx, payer, plan)


async def _write(tx: Transaction, sql: str, rows: Iterator[tuple[Any, ...]], *first: Any) -> None:
    while some := list(islice(rows, _AT_A_TIME)):  # made as they are written: the connection never waits for long
        await tx.execute(sql, *first, *map(list, zip(*some, strict=True)))


def _in_order(covers: list[CoverState]) -> Iterator[CoverState]:
    """Yield new covers after those that they name: a person's first one, and a sponsor's."""
    missing = {cover.id for cover in covers}
    while covers:
        ready = [
            cover
            for cover in covers
            if all(one == cover.id or one not in missing for one in (cover.person_id, cover.first.sponsor_id))
        ]
        yield from ready
        missing -= {cover.id for cover in ready}
        covers = [cover for cover in covers if cover.id in missing]


def _details(details: Details) -> tuple[Any, ...]:
    return tuple(getattr(details, name) for name in Details.__struct_fields__)


def _tell(tx: Transaction, payer: UUID, plan: Plan) -> None:
    """Publish and audit what happened to each member."""
    for cover in plan.added:
        event = MemberEnrolled(cover.id, cover.policy_id, payer)
        tx.publish(event, aggregate=cover.id, organization_id=payer)
        _audit(tx, payer, "member.enrolled", cover.id, {})
    for cover, day, _ in plan.changed:
        _audit(tx, payer, "member.changed", cover.id, {"from": str(day)})
    for cover, last in plan.ended.values():
        _audit(tx, payer, "member.ended", cover.id, {"on": str(cover.effective_to), "before": str(last)})
    for cover, one, _ in plan.identifiers:
        _audit(tx, payer, "member.identified", cover.id, {"system": one.system})


def _audit(tx: Transaction, payer: UUID, action: str, member_id: UUID, detail: dict[str, str]) -> None:
    shown = show("MBR", member_id)
    tx.audit(action, "member", shown, organization_id=payer, patient=member_id, detail=detail)


_ENDS = """
UPDATE policylinc.member m SET effective_to = e.effective_to
FROM unnest($2::uuid[], $3::date[]) AS e (id, effective_to)
WHERE m.organization_id = $1 AND m.id = e.id
"""
_COVERS = """
INSERT INTO policylinc.member (organization_id, enrolled_by_simulator, created_at, id, policy_id, person_id,
    member_number, effective_from, effective_to, name, birth_date, gender, relationship, sponsor_id)
SELECT $1, false, $2, m.* FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::date[], $8::date[],
    $9::text[], $10::date[], $11::text[], $12::text[], $13::uuid[]) AS m
"""
_CHANGES = """
INSERT INTO policylinc.member_change (organization_id, created_at, id, member_id, effective_from, name, birth_date,
    gender, relationship, sponsor_id)
SELECT $1, $2, c.* FROM unnest($3::uuid[], $4::uuid[], $5::date[], $6::text[], $7::date[], $8::text[], $9::text[],
    $10::uuid[]) AS c
"""
_IDENTIFIERS = """
INSERT INTO policylinc.member_identifier (organization_id, member_id, system, sealed, blind, valid)
SELECT $1, i.* FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::boolean[]) AS i
"""
