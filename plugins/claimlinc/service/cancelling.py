"""A provider takes a claim back: its state, the payer's decision and the ledger change in one transaction, once."""

from typing import Any
from uuid import UUID

from claimlinc import queries, writes
from claimlinc.chain_schemas import CancelForm, ClaimCancelledView
from claimlinc.contract import CancelDecision, ClaimCancelled, ClaimStatus, EndedDecision
from claimlinc.errors import ClaimNotCancellable
from claimlinc.service.linking import note_answer, own_claim
from claimlinc.service.states import Event, Role, after
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction


async def cancel(ctx: Context, reference: str, form: CancelForm) -> ClaimCancelledView:
    """Cancel a claim of the caller's; raises NotFound, ClaimStateRefused, ClaimNotCancellable."""
    claim_id = ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        organization = (await own_claim(tx, claim_id))["organization_id"]
        row = await queries.lock_claim(tx, organization, claim_id)
        status, now = after(ClaimStatus(row["status"]), Event.CANCEL, Role.PROVIDER), ctx.clock.now()
        decision = await _decision(tx, organization, claim_id)
        await ctx.call(
            CancelDecision(decision["organization_id"], organization, decision["id"], form.reason), EndedDecision
        )
        await writes.set_status(tx, organization, claim_id, status.value, now)
        await note_answer(ctx, tx, organization, claim_id, status)
        event = ClaimCancelled(claim_id=claim_id, organization_id=organization)
        tx.publish(event, aggregate=claim_id, organization_id=organization)
        tx.audit(
            "claim.cancel",
            "claim",
            reference,
            organization_id=organization,
            patient=row["patient_id"],
            detail={"reason": form.reason.value},
        )
    return ClaimCancelledView(reference, status.value, form.reason.value, now)


async def _decision(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return the payer's decision that the last answer names; raises ClaimNotCancellable where it is not kept here."""
    answer = await queries.last_answer(tx, organization, claim_id)
    number = answer["payer_decision_id"] if answer else None
    found = await queries.decision(tx, number) if number else None
    if found is None:
        raise ClaimNotCancellable(
            "The payer's decision is not kept in this system, and this version sends no cancel-request to NPHIES",
            "قرار الجهة الدافعة غير محفوظ في هذا النظام، ولا يرسل هذا الإصدار طلب إلغاء إلى منصة نفيس",
        )
    return found
