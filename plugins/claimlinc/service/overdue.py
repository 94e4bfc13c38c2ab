"""What follows when the payer's time for a pre-authorization runs out: its people are told, or its terms decide; once.

The locks are taken as by whoever decides: the submission's turn, its case, the clock. So of an answer and the timer in
one moment one is first, and the other finds it done.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from claimlinc import clock_queries as queries
from claimlinc.adjudication.facts import LineRuling, Review
from claimlinc.contract import AuthorizationOverdue, ClaimStatus, Decision, Line, Outcome
from claimlinc.service import cases, clocks, judging
from claimlinc.service.cases import Case
from claimlinc.service.deciding import decide_again, load_decision
from claimlinc.service.expiring import waiting
from claimlinc.service.states import FINAL, OPEN, Role
from masterlinc.agent import Park, StepDone, StepInput
from masterlinc.clock import RIYADH
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from policylinc.contract import WhenLate

# The one denial that says what is so: the service wants an authorization, and there is none.
_DENIALS = {Outcome.REJECTED: "BE-1-4"}
_OUTCOMES = {WhenLate.APPROVE: Outcome.APPROVED, WhenLate.REJECT: Outcome.REJECTED}


class _NotDecided(Exception):
    """The payer's terms do not get as far as a decision: a person has to make it."""


async def watch(ctx: Context, step: StepInput) -> StepDone:
    """Wait until a request is answered or its time has run out; then do once what the payer's terms say."""
    payer, decision_id = step.organization_id, UUID(step.key)
    async with ctx.transaction() as tx:
        case = await cases.in_turn(tx, payer, decision_id)
        clock = await queries.lock(tx, payer, decision_id)
        if clock is None:
            raise Park(f"there is no request {decision_id}")
        if clock["answered_at"] is not None:
            return StepDone("answered in time" if clock["in_time"] else "answered late")
        if clock["ran_out_at"] is not None:
            return StepDone("ran out before")
        if case is not None and case.state in FINAL:
            return StepDone(f"nobody waits any more: {case.state.value}")
        if ctx.clock.now() < clock["due_at"]:
            raise waiting(ctx.step, ctx.clock, clock["due_at"])
        followed = await _run_out(ctx, tx, clock, case)
    return StepDone(f"ran out: {followed.value}")


async def _run_out(ctx: Context, tx: Transaction, clock: Any, case: Case | None) -> WhenLate:
    payer, decision_id, follows = clock["organization_id"], clock["decision_id"], WhenLate(clock["when_late"])
    await queries.run_out(tx, payer, decision_id, ctx.clock.now())
    if case is not None and follows is not WhenLate.ESCALATE:
        try:
            async with ctx.transaction():
                await _decide(ctx, tx, clock, case)
        except _NotDecided:
            follows = WhenLate.ESCALATE
    if case is not None and follows is WhenLate.ESCALATE and case.state in OPEN:
        await cases.escalate(ctx, tx, payer, decision_id)
    event = AuthorizationOverdue(decision_id=decision_id, organization_id=payer, follows=follows.value)
    tx.publish(event, aggregate=decision_id, organization_id=payer)
    clocks.audit(tx, clock, "authorization.overdue", follows=follows.value, in_time=False)
    return follows


async def _decide(ctx: Context, tx: Transaction, clock: Any, case: Case) -> None:
    """Decide what waits as the payer's terms say, by the same rules as a person; raises _NotDecided.

    Where the payer has asked the provider, or a second person has to agree, it was not silent.
    """
    decided = await load_decision(tx, case.decision_id)
    if case.state is not ClaimStatus.PENDED or decided is None:
        raise _NotDecided
    kept = await judging.last_decision(ctx, tx, case, None)
    rulings = tuple(_rulings(WhenLate(clock["when_late"]), decided.decision, kept.request.submission.lines))
    due = f"{clock['due_at'].astimezone(RIYADH):%Y-%m-%d %H:%M}"
    made = await decide_again(ctx, tx, kept.request, kept.again._replace(review=Review("", rulings, ran_out=due)))
    if made.decision.outcome is Outcome.PENDED:
        raise _NotDecided
    await judging.close(ctx, tx, case, Role.PAYER, made)


def _rulings(follows: WhenLate, decision: Decision, billed: Sequence[Line]) -> Iterator[LineRuling]:
    """Yield the ruling of the payer's terms on each line that waits; nobody approves of how many he does not know."""
    outcome, quantities = _OUTCOMES[follows], {line.sequence: line.quantity for line in billed}
    for line in decision.lines:
        if line.outcome is not Outcome.PENDED:
            continue
        if outcome is Outcome.APPROVED and not quantities[line.sequence]:
            raise _NotDecided
        yield LineRuling(line.sequence, outcome, denial_code=_DENIALS.get(outcome))
