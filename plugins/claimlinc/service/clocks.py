"""The payer's time for a pre-authorization: written when the request comes, and once what becomes of it.

An answer and the timer take the same row's lock, so that of two in one moment one is first; the timer is a workflow.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from claimlinc import clock_queries as queries
from claimlinc.authorization_schemas import ClockView
from claimlinc.contract import AuthorizationOverdue, Outcome, Use
from claimlinc.service.authorizing import Made
from claimlinc.service.expiring import waiting
from masterlinc.agent import Park, StepDone, StepInput
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from policylinc.contract import AuthorizationTerms, WhenLate

TIMER = "authorization_clock"
TIMER_NAME = f"claimlinc.{TIMER}"


async def start(ctx: Context, tx: Transaction, made: Made) -> None:
    """Write when a request came and until when it is to be answered; start the timer where it waits for a person."""
    if made.submission.use is not Use.PREAUTHORIZATION:
        return
    terms = made.facts.terms.authorization if made.facts.terms else AuthorizationTerms()
    now, waits = ctx.clock.now(), made.decision.outcome is Outcome.PENDED
    answer = (None, None, None) if waits else (now, "rules", made.decision_id)
    due = now + timedelta(minutes=terms.answer_minutes)
    row = (made.payer, made.decision_id, made.provider, now, due, terms.when_late.value, *answer)
    await queries.start(tx, row)
    if waits:
        await ctx.start_workflow(tx, TIMER, str(made.decision_id), made.payer)


async def answered(
    ctx: Context, tx: Transaction, payer: UUID, before: UUID, answer: UUID, *, by: str = "person"
) -> bool:
    """Stop the clock of a request with the decision that answers it; `before` is any earlier decision on it.

    False where it was answered before, or never ran: a decision that is made again proves nothing about the time.
    """
    clock = await queries.lock(tx, payer, before)
    if clock is None or clock["answered_at"] is not None:
        return False
    now = ctx.clock.now()
    await queries.answer(tx, payer, clock["decision_id"], answer, by, now)
    _audit(tx, clock, "authorization.answered", by=by, in_time=now <= clock["due_at"])
    await ctx.signal_workflow(tx, TIMER_NAME, str(clock["decision_id"]))
    return True


async def watch(ctx: Context, step: StepInput) -> StepDone:
    """Wait until a request is answered or its time has run out; then do once what the payer's terms say."""
    payer, decision_id = step.organization_id, UUID(step.key)
    async with ctx.transaction() as tx:
        clock = await queries.lock(tx, payer, decision_id)
        if clock is None:
            raise Park(f"there is no request {decision_id}")
        if clock["answered_at"] is not None:
            return StepDone("answered in time" if clock["in_time"] else "answered late")
        if clock["ran_out_at"] is not None:
            return StepDone("ran out before")
        if ctx.clock.now() < clock["due_at"]:
            raise waiting(ctx.step, ctx.clock, clock["due_at"])
        await _run_out(ctx, tx, clock)
    return StepDone(f"ran out: {clock['when_late']}")


async def _run_out(ctx: Context, tx: Transaction, clock: Any) -> None:
    payer, decision_id, follows = clock["organization_id"], clock["decision_id"], WhenLate(clock["when_late"])
    await queries.run_out(tx, payer, decision_id, ctx.clock.now())
    event = AuthorizationOverdue(decision_id=decision_id, organization_id=payer, follows=follows.value)
    tx.publish(event, aggregate=decision_id, organization_id=payer)
    _audit(tx, clock, "authorization.overdue", follows=follows.value, in_time=False)


def shown(clock: Any, now: datetime) -> ClockView:
    """Return a clock as it is shown: late is what was not answered by its time."""
    late = now > clock["due_at"] if clock["in_time"] is None else not clock["in_time"]
    return ClockView(
        received_at=clock["received_at"],
        due_at=clock["due_at"],
        answered_at=clock["answered_at"],
        late=late,
        when_late=clock["when_late"],
    )


def _audit(tx: Transaction, clock: Any, action: str, *, in_time: bool, **detail: str) -> None:
    tx.audit(
        action,
        "decision",
        str(clock["decision_id"]),
        organization_id=clock["organization_id"],
        detail=detail | {"in_time": str(in_time).lower()},
    )
