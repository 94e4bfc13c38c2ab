"""Carrying a change out, and telling what it changes."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from masterlinc import wire
from masterlinc.db import Transaction
from masterlinc.ids import new_id
from policylinc.changes import sets
from policylinc.changes.change import Change, Part
from policylinc.changes.documents import kind_of
from policylinc.changes.versions import Ownership, Plan, Step, carry_out, insert_rows
from policylinc.drafts import BenefitDraft

_MOST_ITEMS = 1_000  # of a difference that is kept; the counts are of all


class FieldChange(Struct, frozen=True):
    """What a field said and says."""

    field: str
    before: str | None
    after: str | None


class ItemChange(Struct, frozen=True):
    """What becomes of one item: added, changed or ended."""

    item: str
    change: str
    fields: tuple[FieldChange, ...]


class Difference(Struct, frozen=True):
    """What a change does; `items` are the first thousand."""

    added: int
    changed: int
    ended: int
    items: tuple[ItemChange, ...]


async def apply_change(tx: Transaction, change: Change, own: Ownership, today: date) -> Difference:
    """Write a change that has no faults, and audit it."""
    if change.ends_contract is not None:
        sql = "UPDATE policylinc.contract SET effective_to = $3 WHERE organization_id = $1 AND id = $2"
        await tx.execute(sql, own.payer, change.ends_contract, own.effective_from - timedelta(days=1))
    for table, rows in change.rows:
        await insert_rows(tx, table, rows)
    await apply_parts(tx, change.parts, own, today)
    difference = difference_of(change)
    document = change.document
    tx.audit(
        "terms.changed",
        kind_of(document),
        document.subject or "payer",
        organization_id=own.payer,
        detail={
            "from": str(own.effective_from),
            "added": str(difference.added),
            "changed": str(difference.changed),
            "ended": str(difference.ended),
            "proposal": str(own.proposal_id or ""),
        },
    )
    return difference


async def apply_parts(tx: Transaction, parts: Iterable[Part], own: Ownership, today: date) -> None:
    """Write the versions that plans say, and what hangs on them."""
    for part in parts:
        if part.plan.set is sets.POLICIES:
            await _write_policies(tx, part, own)
            continue
        made = await carry_out(tx, part.plan, own, part.columns, today)
        if part.plan.set is sets.BENEFITS:
            await _insert_limits(tx, own.payer, part.plan, made)


async def _write_policies(tx: Transaction, part: Part, own: Ownership) -> None:
    for step in part.plan.steps:
        assert isinstance(step.after, sets.PolicyGrant)
        row = part.columns(step)
        if step.before is None:
            named = {"organization_id": own.payer} | msgspec.structs.asdict(step.after) | row
            await insert_rows(tx, part.plan.set.table, [named])
        else:
            sql = "UPDATE policylinc.policy SET status = $3 WHERE organization_id = $1 AND id = $2"
            await tx.execute(sql, own.payer, row["id"], step.after.status.value)


async def _insert_limits(tx: Transaction, payer: UUID, plan: Plan, made: dict[str, UUID]) -> None:
    drafts = [(made[step.key], step.after) for step in plan.steps if isinstance(step.after, BenefitDraft)]
    limits = [
        {"organization_id": payer, "benefit_id": key, **msgspec.structs.asdict(one)}
        for key, draft in drafts
        for one in draft.limits
    ]
    copays = [
        {"organization_id": payer, "id": new_id(), "benefit_id": key, **msgspec.structs.asdict(one)}
        for key, draft in drafts
        for one in draft.copays
    ]
    await insert_rows(tx, "policylinc.benefit_limit", limits)
    await insert_rows(tx, "policylinc.benefit_copay", copays)


def difference_of(change: Change) -> Difference:
    """Tell what a change does, item by item."""
    steps = [(step, _kind(step)) for part in change.parts for step in part.plan.steps]
    kinds = [kind for _, kind in steps]
    items = [ItemChange(step.key or "payer", kind, tuple(_fields(step))) for step, kind in steps[:_MOST_ITEMS]]
    return Difference(kinds.count("added"), kinds.count("changed"), kinds.count("ended"), tuple(items))


def _kind(step: Step) -> str:
    if step.after is None:
        return "ended"
    return "added" if step.before is None else "changed"


def _fields(step: Step) -> Iterator[FieldChange]:
    before, after = _shown(step.before), _shown(step.after)
    for field in {**before, **after}:
        old, new = before.get(field), after.get(field)
        if old != new:
            yield FieldChange(field, old, new)


def _shown(content: Struct | None) -> dict[str, str | None]:
    if content is None:
        return {}
    return {name: _text(value) for name, value in msgspec.structs.asdict(content).items() if not _empty(value)}


def _empty(value: Any) -> bool:
    return value is None or value == ()


def _text(value: Any) -> str:
    """Write a value so that equal ones are the same text."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else wire.dump(plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Struct):
        return {name: _plain(one) for name, one in msgspec.structs.asdict(value).items() if not _empty(one)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool) else str(value)
