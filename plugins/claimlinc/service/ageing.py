"""How long claims wait for their answer or their money, against the clocks of the payer and the provider."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from claimlinc import ageing_queries
from claimlinc.remittance_schemas import AgeBand, AgeGroup, Ageing
from claimlinc.service.forms import Faults
from masterlinc import ids
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import Invalid
from masterlinc.money import Money, money

_BANDS = ((0, 15), (16, 30), (31, 45), (46, 60), (61, 90), (91, None))

Key = tuple[UUID, UUID | None, str]


async def show(ctx: Context, counted_from: str, as_of: str | None) -> Ageing:
    """Return the claims that the caller sees by provider, payer and age; raises Invalid."""
    day = _checked(ctx, counted_from, as_of)
    async with ctx.transaction() as tx:
        rows = await ageing_queries.waits(tx, day, counted_from)
        filed_late = await ageing_queries.filed_late(tx, day, ctx.config.filing_days)
        for organization in sorted(tx.organizations):
            tx.audit("claim.ageing", "organization", ids.show("ORG", organization), organization_id=organization)
    groups: dict[Key, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row["provider"], row["payer"], row["what"]].append(row)
    limit = ctx.config.settlement_days
    return Ageing(day, counted_from, limit, [_group(key, found, limit) for key, found in groups.items()], filed_late)


def _checked(ctx: Context, counted_from: str, as_of: str | None) -> date:
    faults = Faults()
    if counted_from not in ageing_queries.COUNTED_FROM:
        known = ", ".join(ageing_queries.COUNTED_FROM)
        faults.add("counted_from", "choice", f"One of {known} is expected", f"القيم المسموح بها: {known}")
    day = faults.day("as_of", as_of)
    if faults:
        raise Invalid(errors=faults)
    return day or today(ctx.clock)


def _group(key: Key, rows: list[Any], limit: int) -> AgeGroup:
    provider, payer, what = key
    late = [row for row in rows if row["days"] > limit]
    return AgeGroup(
        provider_id=ids.show("ORG", provider),
        payer_id=ids.show("ORG", payer) if payer else None,
        waits_for=what,
        claims=_count(rows),
        amount=_sum(rows),
        late=_count(late),
        late_amount=_sum(late),
        bands=[_band(first, last, rows, limit) for first, last in _BANDS],
    )


def _band(first: int, last: int | None, rows: list[Any], limit: int) -> AgeBand:
    within = [row for row in rows if row["days"] >= first and (last is None or row["days"] <= last)]
    return AgeBand(first, last, _count(within), _sum(within), _count([row for row in within if row["days"] > limit]))


def _count(rows: list[Any]) -> int:
    return sum(row["claims"] for row in rows)


def _sum(rows: list[Any]) -> Money:
    return money(sum(row["amount"] for row in rows))
