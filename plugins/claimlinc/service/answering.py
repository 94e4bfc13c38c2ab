"""What came back: a numbered answer, the claim's new state and the event, in one transaction."""

from uuid import UUID

from claimlinc import queries, review_queries, writes
from claimlinc.contract import ClaimDecided, ClaimStatus, RecordAnswer, RecordedAnswer
from claimlinc.errors import ClaimStateRefused
from claimlinc.service import linking
from claimlinc.service.states import ANSWERS, Event, Role, after
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound


async def record_answer(ctx: Context, request: RecordAnswer) -> RecordedAnswer:
    """Record the payer's or the hub's answer to a claim of the caller's organization."""
    organization = ctx.principal.organization_id
    async with ctx.transaction() as tx:
        claim = await queries.lock_claim(tx, organization, request.claim_id)
        if claim is None:
            raise NotFound
        known = await _known(tx, organization, request)
        if known is not None:
            return known
        status = after(ClaimStatus(claim["status"]), _event(request), Role.PAYER)
        number = await queries.next_number(tx, "answer", organization, request.claim_id)
        await _append(ctx, tx, request, number)
        await writes.set_status(tx, organization, request.claim_id, status.value, ctx.clock.now())
        await linking.note_answer(ctx, tx, organization, request.claim_id, status)
        event = ClaimDecided(claim_id=request.claim_id, organization_id=organization, status=status)
        tx.publish(event, aggregate=request.claim_id, organization_id=organization)
        tx.audit(
            "claim.answer",
            "claim",
            ids.show("CLM", request.claim_id),
            organization_id=organization,
            patient=claim["patient_id"],
            detail={"status": status.value, "number": str(number)},
        )
        return RecordedAnswer(number)


async def _known(tx: Transaction, organization: UUID, request: RecordAnswer) -> RecordedAnswer | None:
    """Return the last answer where it is of the same decision of the payer, or of a later one: this is no news."""
    if request.payer_decision_id is None:
        return None
    last = await queries.last_answer(tx, organization, request.claim_id)
    if last is None or last["payer_decision_id"] is None:
        return None
    new = await review_queries.decision_number(tx, request.payer_decision_id)
    old = await review_queries.decision_number(tx, last["payer_decision_id"])
    return RecordedAnswer(last["number"]) if new is not None and old is not None and new <= old else None


def _event(request: RecordAnswer) -> Event:
    """Return what an answer is to a claim; raises ClaimStateRefused for a state that nobody answers."""
    found = ANSWERS.get(request.status)
    if found is None:
        raise ClaimStateRefused(
            f"nobody answers that a claim is {request.status.value}",
            f"الحالة {request.status.value} ليست رداً على المطالبة",
        )
    return found


async def _append(ctx: Context, tx: Transaction, request: RecordAnswer, number: int) -> None:
    organization = ctx.principal.organization_id
    row = (
        organization,
        request.claim_id,
        number,
        request.status.value,
        request.disposition,
        request.preauth_ref,
        request.payer_decision_id,
        request.message_id,
        wire.dump(request.errors),
        ctx.clock.now(),
    )
    await writes.append_answer(
        tx,
        row,
        [
            (
                organization,
                request.claim_id,
                number,
                line.sequence,
                line.outcome.value,
                line.billed,
                line.allowed,
                line.deductible,
                line.copay,
                line.tax,
                line.payer_tax,
                line.payer_share,
                line.patient_share,
                line.approved_quantity,
                line.denial_code,
            )
            for line in request.lines
        ],
    )
