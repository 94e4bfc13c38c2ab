"""A payer's case on a submission: opened with the decision, moved by the table of states, step by step."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from claimlinc import review_queries as queries
from claimlinc.contract import CaseMoved, ClaimStatus
from claimlinc.queries import decision, wait_for_turn
from claimlinc.review_terms_queries import Terms
from claimlinc.review_terms_queries import terms_on as terms_of_payer
from claimlinc.service.states import Event, Role, after
from masterlinc import ids, wire
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound
from masterlinc.etags import require_match

PREFIX = "RVW"


class Case(Struct, frozen=True):
    """A case as it stands; its row is locked where it is going to move."""

    organization_id: UUID  # the payer
    id: UUID
    provider_organization_id: UUID | None
    provider_license: str
    identifier_system: str
    identifier_value: str
    decision_id: UUID
    member_id: UUID | None
    cause: str
    reissue_reason: str | None
    state: ClaimStatus
    state_at: Any
    version: int
    assigned_to: UUID | None
    escalated_at: Any
    opened_at: Any
    due_at: Any

    @property
    def submission(self) -> tuple[UUID | None, str, str, str]:
        """Return what its payer knows the submission by."""
        return self.provider_organization_id, self.provider_license, self.identifier_system, self.identifier_value

    @property
    def reference(self) -> str:
        """Return the case's number as it is seen outside."""
        return ids.show(PREFIX, self.id)


class Version(Struct, frozen=True):
    """What the ETag of a case stands for."""

    review_id: str
    version: int


class Step(NamedTuple):
    """What happens to a case, who makes it happen, and what they say."""

    event: Event
    role: Role
    said: str = ""
    shared: bool = False  # told to the provider


def version(case: Case) -> Version:
    """Return what the ETag of a case is made of."""
    return Version(case.reference, case.version)


async def terms(ctx: Context, tx: Transaction, payer: UUID) -> Terms:
    """Return the payer's terms of review of today, or the system's."""
    return await terms_on(ctx, tx, payer, today(ctx.clock))


async def terms_on(ctx: Context, tx: Transaction, payer: UUID, day: date) -> Terms:
    """Return the payer's terms of review of a day, or the system's; the transaction must be in the payer's scope."""
    config = ctx.config
    of_the_system = Terms(day, config.review_alone_up_to, config.review_appeal_days, config.review_answer_hours)
    return await terms_of_payer(tx, payer, day) or of_the_system


async def of_decision(tx: Transaction, payer: UUID, decision_id: UUID) -> Case | None:
    """Lock the case of a decision's submission and return it, or None."""
    row = await queries.case_of(tx, payer, decision_id)
    return _case(row) if row else None


async def in_turn(tx: Transaction, payer: UUID, decision_id: UUID) -> Case | None:
    """Lock the case of a decision's submission after its turn, as `lock` does; None where there is none."""
    head = await decision(tx, decision_id)
    if head is None:
        return None
    names = ("provider_organization_id", "provider_license", "identifier_system", "identifier_value")
    await wait_for_turn(tx, wire.dump([payer, *(head[name] for name in names)]))
    return await of_decision(tx, payer, decision_id)


async def open_pended(
    ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID, due_at: datetime | None = None
) -> None:
    """Open a case on a decision that waits for a person, in the transaction that makes it; due as the terms say."""
    case = await _open(ctx, tx, payer, decision_id, "pended")
    await move(ctx, tx, replace(case, due_at=due_at or case.due_at), Step(Event.PEND, Role.PAYER))


async def open_again(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID, cause: str) -> Case:
    """Open a case on a decided submission, or lock the one that it has."""
    return await _open(ctx, tx, payer, decision_id, cause)


async def withdraw(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID, event: Event) -> None:
    """End the case of a submission that its provider cancelled or replaced, or that was paid; none is no fault."""
    case = await of_decision(tx, payer, decision_id)
    if case is None:
        return
    role = Role.PROVIDER if event is Event.CANCEL else Role.PAYER
    await move(ctx, tx, replace(case, state=after(case.state, event, role)), Step(event, role))


async def escalate(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID) -> None:
    """Put the case of a submission at the head of the queue: a clock ran out; none is no fault."""
    case = await of_decision(tx, payer, decision_id)
    if case is None:
        return
    after(case.state, Event.ESCALATE, Role.PAYER)
    now = ctx.clock.now()
    await move(ctx, tx, replace(case, escalated_at=case.escalated_at or now), Step(Event.ESCALATE, Role.PAYER))


async def lock(ctx: Context, tx: Transaction, reference: str, if_match: str | None) -> Case:
    """Lock a case of the caller's payer in the version that they have seen; raises NotFound, PreconditionFailed.

    Its submission's turn comes first, as with whoever decides, corrects or cancels it: the other order could deadlock.
    """
    seen = await load(ctx, tx, reference)
    await wait_for_turn(tx, wire.dump([seen.organization_id, *seen.submission]))
    row = await queries.case(tx, seen.organization_id, seen.id, lock=True)
    case = _case(row)
    require_match(if_match, version(case))
    return case


async def load(ctx: Context, tx: Transaction, reference: str) -> Case:
    """Load a case of the caller's payer; raises NotFound."""
    row = await queries.case(tx, ctx.principal.organization_id, ids.parse(PREFIX, reference))
    if row is None:
        raise NotFound
    return _case(row)


async def move(ctx: Context, tx: Transaction, case: Case, step: Step) -> int:
    """Write a case as it stands after a step, append the step, tell it and audit it; returns the step's number."""
    now = ctx.clock.now()
    number = await queries.next_step(tx, case.organization_id, case.id)
    await queries.move(
        tx,
        (
            case.organization_id,
            case.id,
            case.state.value,
            now,
            case.decision_id,
            case.cause,
            case.reissue_reason,
            case.assigned_to,
            case.escalated_at,
            case.opened_at,
            case.due_at,
        ),
    )
    await queries.add_step(
        tx,
        (
            case.organization_id,
            case.id,
            number,
            case.provider_organization_id,
            step.event.value,
            step.role.value,
            case.state.value,
            ctx.principal.user_id,
            case.decision_id,
            step.shared,
            _sealed(ctx, case, number, step.said),
            now,
        ),
    )
    tx.publish(
        CaseMoved(
            case_id=case.id,
            organization_id=case.organization_id,
            provider_organization_id=case.provider_organization_id,
            decision_id=case.decision_id,
            event=step.event,
            status=case.state,
        ),
        aggregate=case.id,
        organization_id=case.organization_id,
    )
    tx.audit(
        "review.move",
        "review",
        case.reference,
        organization_id=case.organization_id,
        patient=case.member_id,
        detail={"event": step.event.value, "state": case.state.value, "decision": str(case.decision_id)},
    )
    return number


async def moved(ctx: Context, tx: Transaction, case: Case, step: Step) -> Case:
    """Move a case and return it as it stands then."""
    await move(ctx, tx, case, step)
    return replace(case, version=case.version + 1)


def said(ctx: Context, row: Any) -> str | None:
    """Open what was said at a step."""
    if row["said"] is None:
        return None
    label = _label(row["case_id"], row["number"])
    return ctx.vault.open(row["organization_id"], label, row["said"]).decode()


async def _open(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID, cause: str) -> Case:
    agreed, now = await terms(ctx, tx, payer), ctx.clock.now()
    due = now + timedelta(hours=agreed.answer_hours)
    await queries.open_case(tx, (payer, ids.new_id(), decision_id, cause, now, due))
    row = await queries.case_of(tx, payer, decision_id)
    return replace(_case(row), cause=cause, opened_at=now, due_at=due, escalated_at=None, assigned_to=None)


def _case(row: Any) -> Case:
    return Case(**{name: row[name] for name in Case.__struct_fields__} | {"state": ClaimStatus(row["state"])})


def _sealed(ctx: Context, case: Case, number: int, text: str) -> bytes | None:
    return ctx.vault.seal(case.organization_id, _label(case.id, number), text.encode()) if text else None


def _label(case_id: UUID, number: int) -> str:
    return f"claim.review/{case_id}/{number}"
