"""Search in the audit: an auditor sees their organization's rows, one of the operator everybody's; both leave a row."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from auditlinc import queries
from auditlinc.contract import PREFIX
from auditlinc.queries import Wanted
from auditlinc.schemas import ActorView, EventPage, EventView, Viewer, ViewerList
from authlinc.contract import LoadOrganization, OrganizationInfo, OrganizationKind
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.security.principal import NOBODY

MAX_SIZE = 100


class Filter(Struct, frozen=True, kw_only=True):
    """What a caller asks for, as it was sent."""

    patient: str | None = None
    actor: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    outcome: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    page_size: int = 50


_FILTERS = [name for name in Filter.__struct_fields__ if name not in {"cursor", "page_size"}]


async def find_events(ctx: Context, asked: Filter) -> EventPage:
    """Return a page of events, the newest first."""
    rows, more = await find_rows(ctx, asked)
    return EventPage([view(row) for row in rows], ids.show(PREFIX, rows[-1]["id"]) if more else None)


async def find_rows(ctx: Context, asked: Filter) -> tuple[list[Any], bool]:
    """Return a page of rows, and whether there are more."""
    wanted = _wanted(asked)
    if wanted is None:
        return [], False
    everywhere = await sees_everything(ctx)
    wanted = structs.replace(wanted, organizations=None if everywhere else ctx.principal.organizations)
    named = sorted(name for name in _FILTERS if getattr(asked, name) is not None)
    async with ctx.transaction() as tx:
        if everywhere:
            await queries.look_everywhere(tx)
        rows = await queries.events(tx, structs.replace(wanted, limit=wanted.limit + 1))
        audit_search(ctx, tx, "audit.search", ",".join(named))
    return rows[: wanted.limit], len(rows) > wanted.limit


async def find_viewers(ctx: Context, patient: str) -> ViewerList:
    """Return who looked at a patient; raises NotFound where the caller sees no row of such a patient."""
    wanted = ids.parse("PAT", patient)
    everywhere = await sees_everything(ctx)
    async with ctx.transaction() as tx:
        if everywhere:
            await queries.look_everywhere(tx)
        rows = await queries.viewers(tx, wanted)
        audit_search(ctx, tx, "audit.viewers", "patient")
    if not rows:
        raise NotFound
    shown = [_viewer(row) for row in rows[: queries.MOST_VIEWERS]]
    return ViewerList(patient, shown, complete=len(rows) <= queries.MOST_VIEWERS)


async def sees_everything(ctx: Context) -> bool:
    """Say whether the caller audits for the operator of the system."""
    if ctx.principal.organization_id == NOBODY:
        return False
    home = await ctx.call(LoadOrganization(ctx.principal.organization_id), OrganizationInfo)
    return home.kind is OrganizationKind.OPERATOR


def audit_search(ctx: Context, tx: Transaction, action: str, filters: str) -> None:
    """Leave a row that says who looked into the audit, and by what; not for whom they looked."""
    tx.audit(action, "audit", "", organization_id=ctx.principal.organization_id, detail={"filters": filters})


def view(row: Any) -> EventView:
    """Return a row as it is shown."""
    return EventView(
        event_id=ids.show(PREFIX, row["id"]),
        timestamp=row["at"],
        action=row["action"],
        resource_type=row["resource"],
        resource_id=row["resource_id"],
        patient_id=_shown("PAT", row["patient"]),
        organization_id=_shown("ORG", row["organization_id"]),
        actor=ActorView(
            id=actor_id(row),
            kind=row["actor_kind"],
            organization_id=_shown("ORG", row["actor_organization_id"]),
            session_id=str(row["session_id"]) if row["session_id"] not in {None, NOBODY} else None,
            address=row["address"],
        ),
        purpose=row["purpose"],
        outcome=row["outcome"],
        trace_id=row["trace_id"],
        detail=json.loads(row["detail"]),
        erased=row["erased"],
    )


def actor_id(row: Any) -> str | None:
    """Return who acted, as they are named elsewhere: a user by number, a service of ours by its key."""
    key = row["actor_id"]
    if key is None or key == NOBODY:
        return None
    return ids.show("USR", key) if row["actor_kind"] == "user" else str(key)


def _viewer(row: Any) -> Viewer:
    return Viewer(
        actor_id=actor_id(row),
        actor_kind=row["actor_kind"],
        actor_organization_id=_shown("ORG", row["actor_organization_id"]),
        organization_id=_shown("ORG", row["organization_id"]),
        events=row["events"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        actions=sorted(row["actions"]),
        purposes=sorted(row["purposes"]),
    )


def _wanted(asked: Filter) -> Wanted | None:
    """Read what was asked; None where a number is of no such thing, so that nothing is found. Raises Invalid."""
    if not 1 <= asked.page_size <= MAX_SIZE:
        raise _invalid(
            "page_size", f"The value must be from 1 to {MAX_SIZE}", f"يجب أن تكون القيمة من 1 إلى {MAX_SIZE}"
        )
    try:
        return Wanted(
            organizations=None,
            patient=_parsed("PAT", asked.patient),
            actor=_actor(asked.actor),
            action=asked.action,
            resource_type=asked.resource_type,
            resource_id=asked.resource_id,
            outcome=asked.outcome,
            purpose=asked.purpose,
            since=_aware("from", asked.since),
            until=_aware("to", asked.until),
            before=_parsed(PREFIX, asked.cursor),
            limit=asked.page_size,
        )
    except NotFound:
        return None


def _aware(name: str, at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise _invalid(
            name, "Write the time with its zone, as 2026-03-01T09:00:00Z", "يجب كتابة الوقت مع المنطقة الزمنية"
        )
    return None if at is None else at.astimezone(UTC)


def _actor(text: str | None) -> UUID | None:
    if text is None or ids.looks_like("USR", text):
        return _parsed("USR", text)
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _parsed(prefix: str, text: str | None) -> UUID | None:
    return None if text is None else ids.parse(prefix, text)


def _shown(prefix: str, key: UUID | None) -> str | None:
    return None if key is None or key == NOBODY else ids.show(prefix, key)


def _invalid(path: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{path}: {detail}", f"{path}: {detail_ar}", errors=[FieldError(path, "value", detail, detail_ar)])
