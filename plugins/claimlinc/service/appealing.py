"""What a provider says to its payer about a claim: an appeal, or what the payer asked.

The claim is locked before the payer's case, always; the case moves in the payer's scope, in the same transaction.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from claimlinc import queries, review_queries, writes
from claimlinc.contract import AppealDecision, ClaimAppealed, ClaimStatus, GiveInformation, TakenUp
from claimlinc.errors import AppealTooLate, ClaimStateRefused, PayerNotHere
from claimlinc.review_schemas import AppealForm, ClaimReview, SaidForm, ToldStep
from claimlinc.service import cases
from claimlinc.service.cases import Case, Step
from claimlinc.service.reviewing import spoken
from claimlinc.service.states import DECIDED, Event, Role, after
from masterlinc import ids
from masterlinc.clock import RIYADH, today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound


async def appeal(ctx: Context, reference: str, form: AppealForm) -> ClaimReview:
    """Ask the payer to decide a claim of the caller's again; raises AppealTooLate, PayerNotHere."""
    reason, claim_id = spoken("reason", form.reason), ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        decision = await _moved(ctx, tx, claim_id, Event.APPEAL)
        await ctx.call(AppealDecision(decision["organization_id"], decision["id"], reason), TakenUp)
        organization = ctx.principal.organization_id
        event = ClaimAppealed(claim_id=claim_id, organization_id=organization, decision_id=decision["id"])
        tx.publish(event, aggregate=claim_id, organization_id=organization)
        return await _seen(ctx, tx, claim_id)


async def inform(ctx: Context, reference: str, form: SaidForm) -> ClaimReview:
    """Tell the payer what it asked about a claim of the caller's."""
    text, claim_id = spoken("text", form.text), ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        decision = await _moved(ctx, tx, claim_id, Event.INFORM)
        await ctx.call(GiveInformation(decision["organization_id"], decision["id"], text), TakenUp)
        return await _seen(ctx, tx, claim_id)


async def show_review(ctx: Context, reference: str) -> ClaimReview:
    """Return what was said between provider and payer about a claim of the caller's; raises NotFound."""
    claim_id = ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        return await _seen(ctx, tx, claim_id)


async def take_appeal(ctx: Context, request: AppealDecision) -> TakenUp:
    """Open or reopen the payer's case for the provider of its claim."""
    payer = request.payer_organization_id
    await _own_decision(ctx, request.decision_id)
    scope = ctx.acting_for(payer)
    async with scope.transaction() as tx:
        case = await cases.open_again(scope, tx, payer, request.decision_id, "appeal")
        _check_newest(case, request.decision_id)
        last = await _last_day(scope, tx, payer, case.decision_id)
        if today(scope.clock) > last:
            raise AppealTooLate(f"the last day for an appeal was {last}", f"كان آخر يوم للاعتراض {last}")
        state = after(case.state, Event.APPEAL, Role.PROVIDER)
        case = replace(case, state=state, reissue_reason="adjudication")
        await cases.move(scope, tx, case, Step(Event.APPEAL, Role.PROVIDER, request.reason, shared=True))
        return TakenUp(case.reference, state)


async def take_information(ctx: Context, request: GiveInformation) -> TakenUp:
    """Put what the provider tells into the payer's case, which waits for its people again."""
    payer = request.payer_organization_id
    await _own_decision(ctx, request.decision_id)
    scope = ctx.acting_for(payer)
    async with scope.transaction() as tx:
        case = await cases.of_decision(tx, payer, request.decision_id)
        if case is None:
            raise NotFound
        state = after(case.state, Event.INFORM, Role.PROVIDER)
        step = Step(Event.INFORM, Role.PROVIDER, request.text, shared=True)
        await cases.move(scope, tx, replace(case, state=state), step)
        return TakenUp(case.reference, state)


async def _moved(ctx: Context, tx: Transaction, claim_id: UUID, event: Event) -> Any:
    """Move a claim of the caller's on, and return the decision that it is about."""
    organization = ctx.principal.organization_id
    claim = await queries.lock_claim(tx, organization, claim_id)
    if claim is None:
        raise NotFound
    status = after(ClaimStatus(claim["status"]), event, Role.PROVIDER)
    decision = await _decision(tx, organization, claim_id)
    if decision is None:
        raise PayerNotHere
    await writes.set_status(tx, organization, claim_id, status.value, ctx.clock.now())
    tx.audit(
        "claim.appeal" if event is Event.APPEAL else "claim.inform",
        "claim",
        ids.show("CLM", claim_id),
        organization_id=organization,
        patient=claim["patient_id"],
        detail={"status": status.value},
    )
    return decision


async def _decision(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return the payer's last decision on a claim, where it was made in this system."""
    answer = await queries.last_answer(tx, organization, claim_id)
    decision_id = answer["payer_decision_id"] if answer else None
    return await queries.decision(tx, decision_id) if decision_id else None


async def _own_decision(ctx: Context, decision_id: UUID) -> None:
    """Raise NotFound unless the decision is on a claim of the caller's."""
    async with ctx.transaction() as tx:
        head = await queries.decision(tx, decision_id)
    if head is None or head["provider_organization_id"] not in ctx.principal.organizations:
        raise NotFound


def _check_newest(case: Case, decision_id: UUID) -> None:
    if case.decision_id != decision_id:
        raise ClaimStateRefused("a newer decision is on its way", "هناك قرار أحدث في الطريق")


async def _last_day(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID) -> date:
    """Return the last day on which the provider may appeal, by the terms of the day of the decision."""
    head = await queries.decision(tx, decision_id)
    decided: date = head["decided_at"].astimezone(RIYADH).date()
    return decided + timedelta(days=(await cases.terms_on(ctx, tx, payer, decided)).appeal_days)


async def _seen(ctx: Context, tx: Transaction, claim_id: UUID) -> ClaimReview:
    organization = ctx.principal.organization_id
    claim = await queries.own_claim(tx, organization, claim_id)
    if claim is None:
        raise NotFound
    tx.audit(
        "claim.review_read",
        "claim",
        ids.show("CLM", claim_id),
        organization_id=organization,
        patient=claim["patient_id"],
    )
    decision, last = await _decision(tx, organization, claim_id), None
    if decision is not None and claim["status"] in DECIDED:
        payer = decision["organization_id"]
        async with ctx.acting_for(payer).transaction():
            last = await _last_day(ctx, tx, payer, decision["id"])
    told = await review_queries.told(tx, organization, await review_queries.decisions_of(tx, organization, claim_id))
    steps = [ToldStep(row["event"], row["state"], cases.said(ctx, row), row["at"]) for row in told]
    return ClaimReview(ids.show("CLM", claim_id), claim["status"], last, steps)
