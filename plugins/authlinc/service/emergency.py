"""Emergency access ("break glass"): reading what one's roles do not open, for minutes, with a reason, seen by all."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from authlinc import queries
from authlinc.contract import BreakGlassOpened, OrganizationKind
from authlinc.errors import LoginRefused
from authlinc.management_errors import EmergencyOpen, NotYourAccess
from authlinc.schemas import BreakGlassForm, GrantOpened, GrantView
from authlinc.service.endings import end_session
from authlinc.service.entry import bar
from authlinc.service.signing import signing_key
from authlinc.tables import EmergencyAccess
from masterlinc import ids, text
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.security.tokens import Realm, Subject, issue

ROLE = "emergency"
REVIEW, MANAGE = "access:review", "user:manage"
_SHORTEST_REASON, _LONGEST_REASON = 10, 500
_MOST_LISTED = 100


async def open_access(ctx: Context, form: BreakGlassForm) -> GrantOpened:
    """Open records with a token of its own, which reads only and ends by itself; raises Invalid or EmergencyOpen."""
    who, now = ctx.principal, ctx.clock.now()
    reason, target, patient = await _checked(ctx, form)
    grant, session, ends = ids.new_id(), ids.new_id(), now + timedelta(minutes=form.minutes)

    async def work(transaction: Transaction) -> None:
        user = await transaction.fetchrow(queries.LOCK_USER, who.home, who.user_id)
        if bar(user):
            raise LoginRefused
        if await transaction.fetchval(queries.EMERGENCY_OPEN, who.home, who.user_id, target, now):
            raise EmergencyOpen
        await transaction.execute(
            queries.OPEN_EMERGENCY_SESSION, who.home, session, who.user_id, now, ends, ctx.address
        )
        await EmergencyAccess.insert(
            EmergencyAccess(
                organization_id=target,
                id=grant,
                home_organization_id=who.home,
                user_id=who.user_id,
                session_id=session,
                patient_id=patient,
                reason=ctx.vault.seal(target, _label(grant), reason.encode()),
                created_at=now,
                expires_at=ends,
            )
        )
        _tell_both(transaction, BreakGlassOpened(grant, target, who.home, who.user_id), patient, form.minutes)

    await ctx.run(work, frozenset({who.home, target}))
    security = ctx.settings.security
    subject = Subject(who.user_id, target, session, (ROLE,), home_id=who.home, grant_id=grant)
    token = issue(await signing_key(ctx), Realm(security.issuer, security.audience), subject, now=now, life=ends - now)
    return GrantOpened(
        grant_id=ids.show("BRG", grant),
        access_token=token,
        token_type="bearer",  # noqa: S106 - the name of a scheme
        expires_in=int((ends - now).total_seconds()),
        organization_id=ids.show("ORG", target),
        patient_id=form.patient_id,
        expires_at=ends,
    )


async def list_accesses(ctx: Context) -> list[GrantView]:
    """Return the newest accesses: one's own, or with the right to review all that the organization made or suffered."""
    who = ctx.principal
    mine = None if who.may(REVIEW) else who.user_id
    async with ctx.transaction(frozenset({who.home, who.organization_id}), read_only=True) as transaction:
        rows = await transaction.fetch(queries.EMERGENCIES, who.organization_id, who.home, mine, _MOST_LISTED)
    return [_view(ctx, row) for row in rows]


async def end_access(ctx: Context, grant_id: UUID) -> None:
    """End an access before its time: one's own, or as who manages users. Raises NotFound or NotYourAccess."""
    who = ctx.principal
    async with ctx.transaction(frozenset({who.home, who.organization_id})) as transaction:
        row = await transaction.fetchrow(queries.EMERGENCY, grant_id)
        if row is None:
            raise NotFound
        if row["user_id"] != who.user_id and not who.may(MANAGE):
            raise NotYourAccess
    async with ctx.transaction(frozenset({row["organization_id"], row["home_organization_id"]})) as transaction:
        await transaction.execute(queries.END_EMERGENCY, row["organization_id"], grant_id, ctx.clock.now(), who.user_id)
        await end_session(ctx, transaction, row["home_organization_id"], row["session_id"], "closed")
        name, home = ids.show("BRG", grant_id), row["organization_id"]
        transaction.audit("access.break_glass_ended", "break_glass", name, organization_id=home)


def _tell_both(transaction: Transaction, opened: BreakGlassOpened, patient: UUID | None, minutes: int) -> None:
    """Let those whose records were opened know, and those whose user opened them."""
    target = opened.organization_id
    transaction.publish(opened, aggregate=opened.grant_id, organization_id=target)
    for organization in {target, opened.home_organization_id}:
        transaction.audit(
            "access.break_glass",
            "break_glass",
            ids.show("BRG", opened.grant_id),
            organization_id=organization,
            patient=patient if organization == target else None,
            detail={"minutes": str(minutes), "organization": ids.show("ORG", target)},
        )


async def _checked(ctx: Context, form: BreakGlassForm) -> tuple[str, UUID, UUID | None]:
    """Return the reason, whose records are to be opened, and the patient; raises Invalid with each fault."""
    faults: list[FieldError] = []
    reason = ""
    try:
        reason = text.clean(form.reason, least=_SHORTEST_REASON, most=_LONGEST_REASON, lines=True)
    except ValueError as fault:
        detail_ar = f"اكتب سبب الوصول الطارئ في {_SHORTEST_REASON} أحرف على الأقل"
        faults.append(FieldError("reason", "reason", f"say why, in {_SHORTEST_REASON} characters: {fault}", detail_ar))
    target = _number("organization_id", "ORG", form.organization_id, faults) or ctx.principal.home
    patient = _number("patient_id", "PAT", form.patient_id, faults)
    if form.organization_id is None and form.patient_id is None:
        detail, detail_ar = "name a patient, an organization, or both", "حدد مريضاً أو منشأة أو كليهما"
        faults.append(FieldError("patient_id", "required", detail, detail_ar))
    if not await _has_records(ctx, target):
        detail = "there is no provider with this number"
        faults.append(FieldError("organization_id", "organization", detail, "لا يوجد مقدم خدمة بهذا الرقم"))
    if faults:
        raise Invalid(errors=faults)
    return reason, target, patient


def _number(field: str, prefix: str, value: str | None, faults: list[FieldError]) -> UUID | None:
    if value is None:
        return None
    try:
        return ids.parse(prefix, value)
    except NotFound:
        faults.append(FieldError(field, "number", f"a number {prefix}-… is expected", f"المتوقع رقم بصيغة {prefix}-…"))
        return None


async def _has_records(ctx: Context, organization_id: UUID) -> bool:
    """Say whether it is a provider: whose care an emergency is about."""
    async with ctx.transaction(read_only=True) as transaction:
        row = await transaction.fetchrow(queries.ORGANIZATION, organization_id)
    return row is not None and row["kind"] == OrganizationKind.PROVIDER


def _view(ctx: Context, row: Any) -> GrantView:
    return GrantView(
        grant_id=ids.show("BRG", row["id"]),
        organization_id=ids.show("ORG", row["organization_id"]),
        home_organization_id=ids.show("ORG", row["home_organization_id"]),
        user_id=ids.show("USR", row["user_id"]),
        patient_id=None if row["patient_id"] is None else ids.show("PAT", row["patient_id"]),
        reason=ctx.vault.open(row["organization_id"], _label(row["id"]), row["reason"]).decode(),
        opened_at=row["created_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        open=row["ended_at"] is None and row["expires_at"] > ctx.clock.now(),
    )


def _label(grant_id: UUID) -> str:
    return f"authlinc.emergency_access.reason/{grant_id}"
