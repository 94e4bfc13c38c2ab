"""Taking an enrolment file: everything in it, or every fault of it."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import Invalid, NotFound
from policylinc.persons import blind
from policylinc.roster.known import read_known
from policylinc.roster.planning import plan
from policylinc.roster.reading import read_csv, read_json, read_row
from policylinc.roster.rows import Faults, Row, Summary
from policylinc.roster.writing import lock_roster, write_plan

Form = Literal["csv", "json"]
_TOLD_EACH = 1000


async def import_members(
    ctx: Context,
    payer: UUID,
    data: bytes,
    form: Form,
    *,
    check: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Add, change and end members as a file says, in one transaction; with `check`, only say what it would do."""
    if ctx.principal.kind != "service" and payer not in ctx.principal.organizations:
        raise NotFound
    faults: Faults = []
    rows = await asyncio.to_thread(_read, ctx, payer, data, form, faults, tell)  # a long file holds up nobody else
    async with ctx.transaction(frozenset({payer})) as tx:
        await lock_roster(tx, payer)
        made = plan(rows, await read_known(tx, payer, rows), today(ctx.clock))
        _refuse([*faults, *made.faults])
        summary = Summary(len(rows), **made.counted, unchanged=made.unchanged, checked_only=check)
        if not check:
            tell(f"writing {len(rows) - made.unchanged} of {len(rows)} lines")
            await write_plan(tx, ctx.vault, payer, made, ctx.clock.now())
        counts = {name: str(getattr(summary, name)) for name in Summary.__struct_fields__}
        tx.audit("members.imported", "file", sha256(data).hexdigest(), organization_id=payer, detail=counts)
    return summary


def _read(ctx: Context, payer: UUID, data: bytes, form: Form, faults: Faults, tell: Callable[[str], None]) -> list[Row]:
    lines = (read_csv if form == "csv" else read_json)(data, faults)
    most = ctx.config.enrolment_lines
    if len(lines) > most:
        raise Invalid(
            f"A file has at most {most} lines: send several", f"في الملف {most} سطر على الأكثر: أرسل عدة ملفات"
        )
    rows = []
    for number, (line, cells) in enumerate(lines, start=1):
        row = read_row(line, cells, faults)
        if row is not None:
            rows.append(replace(row, blinds=tuple(blind(ctx.vault, payer, one) for one in row.identifiers)))
        if number % _TOLD_EACH == 0:
            tell(f"read {number} of {len(lines)} lines")
    return rows


def _refuse(faults: Faults) -> None:
    """Raise with all faults in the order of the lines."""
    if faults:
        raise Invalid(
            f"{len(faults)} faults: nothing was changed",
            f"عدد الأخطاء {len(faults)}: لم يتغير شيء",
            errors=tuple(found for _, found in sorted(faults, key=lambda one: one[0])),
        )
