"""The payer's time for a pre-authorization: written when the request comes, and once what becomes of it.

An answer and the timer take the same row's lock, so that of two in one moment one is first; the timer is a workflow.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from claimlinc import clock_queries as queries
from claimlinc.authorization_schemas import ClockView
from claimlinc.contract import Outcome, Use
from claimlinc.service.authorizing import Made
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from policylinc.contract import AuthorizationTerms

TIMER = "authorization_clock"
TIMER_NAME = f"claimlinc.{TIMER}"


async def start(ctx: Context, tx: Transaction, made: Made) -> datetime | None:
    """Write when a request came and until when it is to be answered; start the timer where it waits for a person.

    Return until when; None of a claim, which has no such clock.
    """
    if made.submission.use is not Use.PREAUTHORIZATION:
        return None
    terms = made.facts.terms.authorization if made.facts.terms else AuthorizationTerms()
    now, waits = ctx.clock.now(), made.decision.outcome is Outcome.PENDED
    answer = (None, None, None) if waits else (now, "rules", made.decision_id)
    due = now + timedelta(minutes=terms.answer_minutes)
    row = (made.payer, made.decision_id, made.provider, now, due, terms.when_late.value, *answer)
    await queries.start(tx, row)
    if waits:
        await ctx.start_workflow(tx, TIMER, str(made.decision_id), made.payer)
    return due


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
    audit(tx, clock, "authorization.answered", by=by, in_time=now <= clock["due_at"])
    await ctx.signal_workflow(tx, TIMER_NAME, str(clock["decision_id"]))
    return True


async def of_decision(ctx: Context, tx: Transaction, decision_id: UUID) -> ClockView | None:
    """Return the clock of the request that a decision is on, as it is shown; None of a claim."""
    found = (await queries.clocks(tx, [decision_id])).get(decision_id)
    return None if found is None else shown(found, ctx.clock.now())


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


def audit(tx: Transaction, clock: Any, action: str, *, in_time: bool, **detail: str) -> None:
    """Write what happened to a clock."""
    tx.audit(
        action,
        "decision",
        str(clock["decision_id"]),
        organization_id=clock["organization_id"],
        detail=detail | {"in_time": str(in_time).lower()},
    )
