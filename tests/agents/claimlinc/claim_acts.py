"""What follows a decision in the tests: the provider hears of it, corrects the claim, and what is used is counted."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from claim_deciding import claim, decide, record
from claim_parties import Parties

from claimlinc import queries, review_queries
from claimlinc.adjudication.facts import Facts, LineRuling, Review
from claimlinc.chain_schemas import CancelForm, CancelReason, ClaimCancelledView
from claimlinc.contract import (
    ClaimStatus,
    ClaimSubmission,
    DecidedSubmission,
    DecideSubmission,
    Line,
    Outcome,
    RecordAnswer,
    RecordedAnswer,
    RelatedClaim,
)
from claimlinc.schemas import ClaimSeen
from claimlinc.service.cancelling import cancel
from claimlinc.service.deciding import Again, decide_again
from claimlinc.service.reading import show_claim
from claimlinc.service.snapshot import unseal
from masterlinc import ids, wire
from masterlinc.money import money


def correction(parties: Parties, of: ClaimSubmission, *lines: Line, **more: Any) -> ClaimSubmission:
    return claim(parties, *lines, related=(RelatedClaim(of.identifier, "prior"),), **more)


async def answered(parties: Parties, made: ClaimSubmission) -> tuple[UUID, DecidedSubmission]:
    """Record a claim, decide it and tell its provider; returns the claim's and the decision."""
    claim_id = ids.parse("CLM", (await record(parties, made)).claim_id)
    decided = await decide(parties, made)
    await tell(parties, claim_id, decided)
    return claim_id, decided


async def tell(parties: Parties, claim_id: UUID, decided: DecidedSubmission) -> None:
    status = ClaimStatus(decided.decision.outcome.value)
    told = RecordAnswer(claim_id=claim_id, status=status, payer_decision_id=decided.decision_id)
    await parties.provider.call(told, RecordedAnswer)


async def dental(parties: Parties) -> Decimal:
    """What the member has used of the dental benefit, by the balance; the ledger's entries sum to the same."""
    async with parties.payer.transaction() as tx:
        used: Decimal = await tx.fetchval(
            "SELECT coalesce(sum(used), 0) FROM policylinc.balance WHERE member_id = $1 AND benefit = 'dental'",
            parties.member_id,
        )
        entries = await tx.fetchval(
            "SELECT coalesce(sum(amount), 0) FROM policylinc.benefit_entry WHERE member_id = $1 AND benefit = 'dental'",
            parties.member_id,
        )
    assert used == entries
    return used


async def shown(parties: Parties, claim_id: UUID) -> ClaimSeen:
    return await show_claim(parties.provider, ids.show("CLM", claim_id))


async def cancelled(parties: Parties, claim_id: UUID) -> ClaimCancelledView:
    return await cancel(parties.provider, ids.show("CLM", claim_id), CancelForm(CancelReason.WRONG_INFORMATION))


async def reissue(parties: Parties, decision_id: UUID, amount: Decimal) -> DecidedSubmission:
    """Have a person of the payer allow another amount on the only line of a decided claim."""
    payer = parties.payer.acting_for(parties.payer_id)
    async with payer.transaction() as tx:
        head = await queries.decision(tx, decision_id)
        kept = await review_queries.basis(tx, parties.payer_id, decision_id)
        submission = unseal(payer.vault, parties.payer_id, decision_id, kept["submission"]).submission
        ruling = LineRuling(1, Outcome.PARTIAL, money(amount), denial_code="BE-1-6", reason="less", reason_ar="أقل")
        review = Review(ids.show("USR", ids.new_id()), (ruling,))
        facts = wire.load(kept["facts"], Facts)
        again = Again(decision_id, head["number"] + 1, facts, was_complete=True, review=review, reissue_reason="audit")
        request = DecideSubmission(parties.payer_id, parties.provider_id, submission)
        return await decide_again(payer, tx, request, again)
