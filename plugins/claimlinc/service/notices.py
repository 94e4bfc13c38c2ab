"""Notice of an emergency: no pre-authorization is wanted, but the payer is told within its hours, provably."""

from datetime import timedelta
from uuid import UUID

from claimlinc import notice_queries as queries
from claimlinc.adjudication.decision import service_days
from claimlinc.adjudication.emergencies import is_emergency
from claimlinc.adjudication.facts import EmergencyNotice
from claimlinc.authorization_schemas import NoticeForm, NoticeView
from claimlinc.contract import ClaimSubmission, Use
from claimlinc.errors import ClaimInvalid
from claimlinc.service import references
from claimlinc.service.forms import Faults
from masterlinc import ids, wire
from masterlinc.clock import RIYADH
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.idempotency import Answer
from policylinc.contract import FindCover, FoundCover, LoadTerms, Terms

PREFIX = "NTC"
_CREATED, _KNOWN = 201, 200
_OLDEST = timedelta(days=365)
_CLOCKS_DIFFER = timedelta(minutes=5)  # between the provider's and ours
_NIGHT = timedelta(days=1)  # who comes before midnight may be treated after it


async def give_notice(ctx: Context, form: NoticeForm) -> Answer:
    """Record that a member of a payer came as an emergency; the same again answers the first. Raises ClaimInvalid."""
    payer, member_id = await _member(ctx, form)
    provider, now = ctx.principal.organization_id, ctx.clock.now()
    happened_on = form.happened_at.astimezone(RIYADH).date()
    load = LoadTerms(payer, member_id, happened_on, provider, codes=())
    async with ctx.transaction(frozenset({payer})) as tx:  # the rows are the payer's, the audit names who told it
        hours = (await ctx.call(load, Terms)).authorization.emergency_notice_hours
        due_at = max(form.happened_at + timedelta(hours=hours), form.happened_at + timedelta(microseconds=1))
        row = (payer, ids.new_id(), provider, member_id, form.happened_at, happened_on, now, due_at)
        is_new = await queries.add(tx, row)
        kept = await queries.same(tx, payer, provider, member_id, form.happened_at)
        shown = ids.show(PREFIX, kept["id"])
        detail = {"in_time": str(kept["in_time"]).lower()}
        tx.audit(
            "authorization.notice", "emergency_notice", shown, organization_id=payer, patient=member_id, detail=detail
        )
    view = NoticeView(shown, kept["happened_at"], kept["received_at"], kept["due_at"], kept["in_time"])
    return Answer(_CREATED if is_new else _KNOWN, wire.encode(view))


async def notice_of(
    tx: Transaction, terms: Terms, provider: UUID | None, submission: ClaimSubmission
) -> EmergencyNotice | None:
    """Return what the payer was told of an emergency that a claim is about; None where the claim is about none."""
    if submission.use is not Use.CLAIM or not is_emergency(submission) or provider is None:
        return None
    first, last = service_days(submission)
    party = (terms.payer_organization_id, provider, terms.member_id)
    row = await queries.first_between(tx, *party, (first - _NIGHT, last))
    hours = terms.authorization.emergency_notice_hours
    if row is None:
        return EmergencyNotice(hours)
    return EmergencyNotice(hours, row["happened_at"], row["received_at"], row["in_time"])


async def _member(ctx: Context, form: NoticeForm) -> tuple[UUID, UUID]:
    faults, now = Faults(), ctx.clock.now()
    number = faults.code("member_number", form.member_number)
    policy = faults.code("policy_number", form.policy_number or None)
    payer = await references.find_payer(ctx, faults.code("payer_id", form.payer_id, most=128))
    if not payer.found:
        faults.add(
            "payer_id",
            "unknown-payer",
            "No payer has this number or licence",
            "لا توجد جهة دافعة بهذا الرقم أو الترخيص",
        )
    if form.happened_at.tzinfo is None or not now - _OLDEST <= form.happened_at <= now + _CLOCKS_DIFFER:
        faults.add(
            "happened_at",
            "range",
            "A time of the last 365 days with its zone is expected, as 2026-01-31T12:00:00+03:00",
            "المتوقع وقت خلال آخر 365 يوماً مع المنطقة الزمنية مثل 2026-01-31T12:00:00+03:00",
        )
    if faults:
        raise ClaimInvalid(errors=faults)
    day = form.happened_at.astimezone(RIYADH).date()
    license_ = payer.licenses[0] if payer.licenses else None
    found = await ctx.call(FindCover(day, license_, number, policy), FoundCover)
    insurer, member_id = found.payer_organization_id, found.member_id
    if insurer is None or member_id is None or insurer != payer.organization_id:
        words = "The payer insures nobody by this number on that day", "لا يوجد مؤمن له بهذا الرقم في ذلك اليوم"
        faults.add("member_number", "unknown-member", *words)
        raise ClaimInvalid(errors=faults)
    return insurer, member_id
