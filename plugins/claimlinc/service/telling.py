"""Telling a provider of this system what its payer decided or asks, each once, in the provider's own scope."""

from typing import Any

from claimlinc import queries, review_queries, writes
from claimlinc.contract import (
    AnswerLine,
    CaseMoved,
    ClaimStatus,
    DecidedSubmission,
    Outcome,
    RecordAnswer,
    RecordedAnswer,
)
from claimlinc.errors import ClaimStateRefused
from claimlinc.service.deciding import load_decision
from claimlinc.service.states import ANSWERS, Event, Role, after
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction

_TOLD = frozenset({*ANSWERS.values(), Event.ASK})
_LINE = tuple(name for name in AnswerLine.__struct_fields__)


async def tell_provider(ctx: Context, moved: CaseMoved) -> None:
    """Record a payer's decision or question on the provider's claim; one that has ended is left as it is."""
    if moved.provider_organization_id is None or moved.event not in _TOLD:
        return
    provider = ctx.acting_for(moved.provider_organization_id)
    async with provider.transaction() as tx:
        head = await queries.decision(tx, moved.decision_id)
        decided = await load_decision(tx, moved.decision_id)
        if head is None or decided is None:
            return
        key = (moved.provider_organization_id, head["identifier_system"], head["identifier_value"])
        claim = await review_queries.claim_of(tx, *key, lock=True)
        if claim is None:
            return
        try:
            await _tell(provider, tx, claim, moved, decided)
        except ClaimStateRefused as refused:
            _audit(tx, moved, claim, "claim.not_told", {"status": claim["status"], "why": refused.detail})


async def _tell(ctx: Context, tx: Transaction, claim: Any, moved: CaseMoved, decided: DecidedSubmission) -> None:
    async with ctx.transaction():
        await ctx.call(answer_of(claim["id"], decided), RecordedAnswer)
    if moved.event is not Event.ASK:
        return
    organization = ctx.principal.organization_id
    stands = await queries.own_claim(tx, organization, claim["id"])
    status = after(ClaimStatus(stands["status"]), Event.ASK, Role.REVIEWER)
    await writes.set_status(tx, organization, claim["id"], status.value, ctx.clock.now())
    _audit(tx, moved, claim, "claim.ask", {"status": status.value})


def answer_of(claim_id: Any, decided: DecidedSubmission) -> RecordAnswer:
    """Return a payer's decision as the answer to its claim; a pended one has no lines."""
    decision, is_pended = decided.decision, decided.decision.outcome is Outcome.PENDED
    lines = () if is_pended else decision.lines
    return RecordAnswer(
        claim_id=claim_id,
        status=ClaimStatus(decision.outcome.value),
        lines=tuple(AnswerLine(**{name: getattr(line, name) for name in _LINE}) for line in lines),
        disposition=decision.disposition,
        preauth_ref=decision.preauth_ref,
        payer_decision_id=decided.decision_id,
    )


def _audit(tx: Transaction, moved: CaseMoved, claim: Any, action: str, detail: dict[str, str]) -> None:
    tx.audit(
        action,
        "claim",
        ids.show("CLM", claim["id"]),
        organization_id=moved.provider_organization_id,
        patient=claim["patient_id"],
        detail=detail,
    )
