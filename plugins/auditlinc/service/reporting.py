"""Events of other systems: what they say of persons is sealed, and who reports them is who holds the token."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from auditlinc import queries
from auditlinc.errors import EventIdTaken
from auditlinc.queries import Report
from auditlinc.schemas import Reported, ReportForm
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid

ACTION = "log."
MOST_CHARACTERS = 16_384
_LABEL = "auditlinc.reported"
_NUMBER = re.compile(r"[A-Z]{3}-[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_.:-]*", re.ASCII)


async def report(ctx: Context, form: ReportForm) -> Reported:
    """Write an event into the audit once; raises EventIdTaken for another one under its event_id."""
    home = ctx.principal.organization_id
    text = wire.dump(form)
    if len(text) > MOST_CHARACTERS:
        detail = f"An event has at most {MOST_CHARACTERS} characters"
        detail_ar = f"يجب ألا يتجاوز الحدث {MOST_CHARACTERS} حرفاً"
        raise Invalid(detail, detail_ar, errors=[FieldError("details", "too-long", detail, detail_ar)])
    key = ctx.vault.blind(home, "auditlinc.event_id", form.event_id)
    content = ctx.vault.blind(home, "auditlinc.event", text)
    await ctx.run(lambda tx: _report(ctx, tx, form, key, content))
    return Reported(form.event_id)


def opened(ctx: Context, row: Any) -> ReportForm:
    """Return an event as it was reported."""
    return wire.load(ctx.vault.open(row["organization_id"], f"{_LABEL}/{row['event_id']}", row["sealed"]), ReportForm)


async def _report(ctx: Context, tx: Transaction, form: ReportForm, key: bytes, content: bytes) -> None:
    home, row = ctx.principal.organization_id, ids.new_id()
    sealed = ctx.vault.seal(home, f"{_LABEL}/{row}", wire.dump(form).encode())
    if not await queries.report(tx, Report(home, key, content, row, sealed)):
        if await queries.reported(tx, home, key) != content:
            raise EventIdTaken
        return
    tx.audit(
        f"{ACTION}{_word(form.action)}"[:80],
        _word(form.resource_type),
        named(ctx, home, form.resource_id),
        organization_id=home,
        outcome=_word(form.outcome),
        row=row,
        detail={
            "reported_actor": named(ctx, home, form.actor_id),
            "reported_role": _word(form.actor_role),
            "reported_at": _aware(form.timestamp).isoformat(),
        },
    )


def named(ctx: Context, organization: UUID, number: str) -> str:
    """Return a number that says nothing of a person: one of ours, a UUID, or the blind index of anything else."""
    if _NUMBER.fullmatch(number):
        return number
    return f"blind:{ctx.vault.blind(organization, 'auditlinc.number', number).hex()}"


def _word(text: str) -> str:
    """Return a code of the other system; what looks like anything but a code is not kept in the clear."""
    folded = text.strip().lower().replace(" ", "_")
    return folded if _WORD.fullmatch(folded) else "other"


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
