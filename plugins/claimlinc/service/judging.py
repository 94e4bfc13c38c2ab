"""Deciding a case: by one person, by two above an amount, or by the rules again; each in one transaction.

The decision before is taken back, the next one is appended and posted, and the case moves, or none of it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from claimlinc import queries, review_queries
from claimlinc.adjudication.facts import Facts, LineRuling, Review
from claimlinc.contract import ClaimStatus, DecidedSubmission, DecideSubmission, Outcome
from claimlinc.errors import ProposalChanged, RulesStillPend, RulingInvalid, SamePerson
from claimlinc.review_schemas import ConfirmationForm, RerunForm, RulingsForm
from claimlinc.service import cases
from claimlinc.service.cases import Case, Step
from claimlinc.service.checking import fault
from claimlinc.service.deciding import Again, decide_again
from claimlinc.service.rulings import check_outcome, read_rulings
from claimlinc.service.snapshot import unseal
from claimlinc.service.states import ANSWERS, Event, Role, after
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction

OVERRIDE = "claim:override"
_RULINGS = tuple[LineRuling, ...]


class _NeedsAnother(Exception):
    """What was decided is above what one person may decide alone: nothing of it is kept but the proposal."""

    def __init__(self, payer_share: Decimal) -> None:
        self.payer_share = payer_share
        super().__init__("another person has to agree")


class Kept(NamedTuple):
    """What was submitted, and the last decision on it."""

    request: DecideSubmission
    again: Again


class _Ruled(NamedTuple):
    """What is decided by hand, by whom, and which event of which role it is."""

    rulings: _RULINGS
    decided_by: UUID
    confirmed_by: UUID | None
    role: Role


async def decide_case(ctx: Context, reference: str, form: RulingsForm, if_match: str | None) -> Case:
    """Decide a case as one person; above what one may decide alone it becomes a proposal."""
    async with ctx.transaction() as tx:
        case = await cases.lock(ctx, tx, reference, if_match)
        after(case.state, Event.APPROVE, Role.REVIEWER)
        kept = await last_decision(ctx, tx, case, form.reissue_reason)
        if any(one.override for one in form.lines):
            ctx.principal.require(OVERRIDE)
        new = read_rulings(form.lines, kept.request.submission.lines)
        ruled = _Ruled(_merged(kept.again.facts, new), ctx.principal.user_id, None, Role.REVIEWER)
        try:
            async with ctx.transaction():
                decided = await _decide(ctx, tx, kept, ruled)
                check_outcome(form.lines, decided.decision)
                return await _settle(ctx, tx, case, ruled, decided)
        except _NeedsAnother as above:
            return await _propose(ctx, tx, case, kept, ruled, above.payer_share)


async def confirm_case(ctx: Context, reference: str, form: ConfirmationForm, if_match: str | None) -> Case:
    """Agree to what another person proposed, or send it back; raises SamePerson, ProposalChanged."""
    async with ctx.transaction() as tx:
        case = await cases.lock(ctx, tx, reference, if_match)
        if not form.agree:
            state = after(case.state, Event.SEND_BACK, Role.SECOND_REVIEWER)
            step = Step(Event.SEND_BACK, Role.SECOND_REVIEWER, form.note)
            return await cases.moved(ctx, tx, replace(case, state=state), step)
        after(case.state, Event.APPROVE, Role.SECOND_REVIEWER)
        proposal = await review_queries.last_proposal(tx, case.organization_id, case.id)
        if proposal["proposed_by"] == ctx.principal.user_id:
            raise SamePerson
        kept = await last_decision(ctx, tx, case, proposal["reissue_reason"])
        rulings = wire.load(proposal["rulings"], _RULINGS)
        ruled = _Ruled(rulings, proposal["proposed_by"], ctx.principal.user_id, Role.SECOND_REVIEWER)
        decided = await _decide(ctx, tx, kept, ruled)
        if decided.decision.totals.payer_share != proposal["payer_share"]:
            raise ProposalChanged
        return await _settle(ctx, tx, case, ruled, decided, form.note)


async def rerun_case(ctx: Context, reference: str, form: RerunForm, if_match: str | None) -> Case:
    """Let the rules decide again with what is known now; raises RulesStillPend."""
    async with ctx.transaction() as tx:
        case = await cases.lock(ctx, tx, reference, if_match)
        after(case.state, Event.APPROVE, Role.PAYER)
        kept = await last_decision(ctx, tx, case, form.reissue_reason)
        decided = await decide_again(ctx, tx, kept.request, kept.again)
        if decided.decision.outcome is Outcome.PENDED:
            raise RulesStillPend
        return await close(ctx, tx, case, Role.PAYER, decided)


async def last_decision(ctx: Context, tx: Transaction, case: Case, reissue_reason: str | None) -> Kept:
    """Return what was submitted, and how it is decided after the last decision on it; raises RulingInvalid."""
    head = await queries.decision(tx, case.decision_id)
    row = await review_queries.basis(tx, case.organization_id, case.decision_id)
    facts = wire.load(row["facts"], Facts)
    submission = unseal(ctx.vault, case.organization_id, case.decision_id, row["submission"]).submission
    complete = head["outcome"] != Outcome.PENDED
    why = (reissue_reason or case.reissue_reason) if complete else None
    if complete and why is None:
        words = "Say why the decision is issued again", "يجب ذكر سبب إعادة إصدار القرار"
        raise RulingInvalid(errors=[fault("reissue_reason", "missing", *words)])
    request = DecideSubmission(
        case.organization_id, case.provider_organization_id, submission, facts.enrolled_by_simulator
    )
    return Kept(request, Again(case.decision_id, head["number"] + 1, facts, complete, None, why))


async def _decide(ctx: Context, tx: Transaction, kept: Kept, ruled: _Ruled) -> DecidedSubmission:
    """Append the next decision with what persons ruled; raises _NeedsAnother where one is not enough."""
    second = ids.show("USR", ruled.confirmed_by) if ruled.confirmed_by else None
    review = Review(ids.show("USR", ruled.decided_by), ruled.rulings, second)
    return await decide_again(ctx, tx, kept.request, kept.again._replace(review=review))


async def _settle(
    ctx: Context, tx: Transaction, case: Case, ruled: _Ruled, decided: DecidedSubmission, note: str = ""
) -> Case:
    """Write who decided, and close the case; the database wants four eyes above the amount, too."""
    alone = (await cases.terms(ctx, tx, case.organization_id)).alone_up_to
    share = decided.decision.totals.payer_share
    if share > alone and ruled.confirmed_by is None:
        raise _NeedsAnother(share)
    closed = await close(ctx, tx, case, ruled.role, decided, note)
    await review_queries.add_review(
        tx,
        (case.organization_id, decided.decision_id, case.id, ruled.decided_by, ruled.confirmed_by, share, alone),
    )
    return closed


async def close(
    ctx: Context, tx: Transaction, case: Case, role: Role, decided: DecidedSubmission, note: str = ""
) -> Case:
    """Close a case with the decision that was made."""
    event = ANSWERS[ClaimStatus(decided.decision.outcome.value)]
    closed = replace(
        case,
        state=after(case.state, event, role),
        decision_id=decided.decision_id,
        reissue_reason=None,
        escalated_at=None,
    )
    return await cases.moved(ctx, tx, closed, Step(event, role, note))


async def _propose(ctx: Context, tx: Transaction, case: Case, kept: Kept, ruled: _Ruled, payer_share: Decimal) -> Case:
    proposed = replace(case, state=after(case.state, Event.PROPOSE, Role.REVIEWER))
    number = await cases.move(ctx, tx, proposed, Step(Event.PROPOSE, Role.REVIEWER))
    await review_queries.add_proposal(
        tx,
        (
            case.organization_id,
            case.id,
            number,
            wire.dump(ruled.rulings),
            kept.again.reissue_reason,
            payer_share,
            ruled.decided_by,
            ctx.clock.now(),
        ),
    )
    return replace(proposed, version=case.version + 1)


def _merged(before: Facts, new: Sequence[LineRuling]) -> _RULINGS:
    """Return the new rulings, and the earlier ones on lines that they do not name."""
    named = {one.sequence for one in new}
    earlier = before.review.rulings if before.review else ()
    kept = [one for one in earlier if one.sequence not in named]
    return tuple(sorted([*kept, *new], key=lambda one: one.sequence))
