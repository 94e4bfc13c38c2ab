"""What follows a decision in the tests: the provider hears of it, corrects the claim, and what is used is counted."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from claim_deciding import claim, decide, record
from claim_parties import Parties

from claimlinc.contract import (
    ClaimStatus,
    ClaimSubmission,
    DecidedSubmission,
    Line,
    RecordAnswer,
    RecordedAnswer,
    RelatedClaim,
)
from claimlinc.schemas import ClaimSeen
from claimlinc.service.reading import show_claim
from masterlinc import ids


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
