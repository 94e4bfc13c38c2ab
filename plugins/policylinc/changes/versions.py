"""Sets of dated versions: what is stored of a set, and what has to be written for another one to hold from a day on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from masterlinc import wire
from masterlinc.db import Transaction
from masterlinc.ids import new_id

_DIGITS = 16
Columns = Callable[["Step"], dict[str, Any]]  # of a new row, beside those that its content names


@dataclass(frozen=True)
class VersionSet:
    """A table of versions; `query` answers the rows of a scope ($1 the payer, $2 the scope) as Held, in JSON."""

    table: str
    content: type[Struct]
    query: str


class Held(Struct, frozen=True):
    """A stored version of one key of a set."""

    id: UUID
    key: str
    version: int
    effective_from: date
    effective_to: date | None
    withdrawn_on: date | None
    content: msgspec.Raw


class Step(NamedTuple):
    """What becomes of one key: versions that end or are taken back, and the next one."""

    key: str
    before: Struct | None
    after: Struct | None
    ends: tuple[UUID, ...] = ()
    withdrawn: tuple[UUID, ...] = ()
    version: int = 1


class Plan(NamedTuple):
    """What one set needs; `overlaps` are keys with a version that began on the day or later, and holds already."""

    set: VersionSet
    steps: tuple[Step, ...]
    overlaps: tuple[tuple[str, date], ...]


class Ownership(NamedTuple):
    """The columns that all new rows of a plan share."""

    payer: UUID
    effective_from: date
    proposal_id: UUID | None


async def read_versions(tx: Transaction, of: VersionSet, payer: UUID, scope: Any) -> tuple[Held, ...]:
    """Return every version of a scope, those that ended too: numbers go on from them."""
    text = await tx.fetchval(of.query, payer, scope)
    return wire.load(text or "[]", tuple[Held, ...])


def base_of(held: Iterable[Held]) -> str:
    """Name what is stored: another whenever a version is added, ends or is taken back."""
    rows = sorted(f"{one.id} {one.effective_to} {one.withdrawn_on}" for one in held)
    return sha256("\n".join(rows).encode()).hexdigest()[:_DIGITS]


def compare(of: VersionSet, held: Sequence[Held], wanted: Mapping[str, Struct], day: date, today: date) -> Plan:
    """Say what is to be written so that from `day` on exactly `wanted` holds.

    Versions before the day end on the day before. One that has not begun by today is taken back. One that began
    between the day and today holds already: it cannot be replaced.
    """
    by_key: dict[str, list[Held]] = {key: [] for key in wanted}
    for one in held:
        by_key.setdefault(one.key, []).append(one)
    steps, overlaps = [], []
    for key in sorted(by_key):
        live = [one for one in by_key[key] if _lives(one, day)]
        after, before = wanted.get(key), _content_on(of, live, day)
        if _goes_on(live, before, after):
            continue
        began = [one.effective_from for one in live if day <= one.effective_from <= today]
        overlaps += [(key, first) for first in began]
        if not live and after is None:
            continue
        ends = tuple(one.id for one in live if one.effective_from < day)
        later = tuple(one.id for one in live if one.effective_from > max(today, day - timedelta(days=1)))
        last = max((one.version for one in by_key[key]), default=0)
        steps.append(Step(key, before, after, ends, later, last + 1))
    return Plan(of, tuple(steps), tuple(overlaps))


async def carry_out(tx: Transaction, plan: Plan, own: Ownership, columns: Columns, today: date) -> dict[str, UUID]:
    """Write what a plan says; returns the ids of the new rows by their keys."""
    payer, table = own.payer, plan.set.table
    if ends := [one for step in plan.steps for one in step.ends]:
        sql = f"UPDATE {table} SET effective_to = $2 WHERE organization_id = $1 AND id = ANY ($3)"  # noqa: S608 - our own name
        await tx.execute(sql, payer, own.effective_from - timedelta(days=1), ends)
    if withdrawn := [one for step in plan.steps for one in step.withdrawn]:
        sql = f"UPDATE {table} SET withdrawn_on = $2 WHERE organization_id = $1 AND id = ANY ($3)"  # noqa: S608 - our own name
        await tx.execute(sql, payer, today, withdrawn)
    made = [(new_id(), step) for step in plan.steps if step.after is not None]
    await insert_rows(tx, table, [_row(own, one, step) | columns(step) for one, step in made])
    return {step.key: one for one, step in made}


async def insert_rows(tx: Transaction, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of named columns; what is not named is empty."""
    if rows:
        sql = f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"  # noqa: S608 - our own name
        await tx.execute(sql, wire.dump(rows))


def _row(own: Ownership, row_id: UUID, step: Step) -> dict[str, Any]:
    return msgspec.structs.asdict(step.after) | {  # type: ignore[arg-type]
        "organization_id": own.payer,
        "id": row_id,
        "version": step.version,
        "effective_from": own.effective_from,
        "effective_to": None,
        "proposal_id": own.proposal_id,
    }


def _lives(one: Held, day: date) -> bool:
    """Say whether a version holds on the day or later."""
    return one.withdrawn_on is None and (one.effective_to is None or one.effective_to >= day)


def _content_on(of: VersionSet, live: Iterable[Held], day: date) -> Struct | None:
    held = next((one for one in live if one.effective_from <= day), None)
    return None if held is None else wire.load(bytes(held.content), of.content)


def _goes_on(live: Sequence[Held], before: Struct | None, after: Struct | None) -> bool:
    """Say whether the version that holds is the one that is wanted, without an end."""
    return len(live) == 1 and before is not None and before == after and live[0].effective_to is None
