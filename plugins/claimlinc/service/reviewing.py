"""The queue of a payer's people: what waits for whom, and all that is done to a case but deciding it."""

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from authlinc.contract import AskColleague, Colleague
from claimlinc import queries, review_queries
from claimlinc.adjudication.facts import LineRuling
from claimlinc.contract import ClaimStatus, Line, Outcome
from claimlinc.errors import PayerNotHere
from claimlinc.review_schemas import (
    AssigneeForm,
    BilledLine,
    ProposalView,
    ReopeningForm,
    ReviewDetail,
    ReviewStepView,
    ReviewView,
    RulingForm,
    SaidForm,
)
from claimlinc.service import cases, clocks
from claimlinc.service.cases import Case, Step
from claimlinc.service.checking import fault
from claimlinc.service.deciding import load_decision
from claimlinc.service.reading import payer_view
from claimlinc.service.snapshot import unseal
from claimlinc.service.states import Event, Role, after
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import Invalid, NotFound
from masterlinc.money import Money

_ME = "me"
_LONGEST = 4000
_DECISIONS = {Outcome.APPROVED: "approve", Outcome.PARTIAL: "partial", Outcome.REJECTED: "reject"}
_RULINGS = tuple[LineRuling, ...]


async def list_cases(ctx: Context, wanted: str, *, limit: int, offset: int) -> tuple[list[ReviewView], int]:
    """Return a page of the open cases, the oldest due first, and their number, counted to 1,001."""
    if wanted not in review_queries.FILTERS:
        known = ", ".join(review_queries.FILTERS)
        raise _invalid("show", f"One of {known} is expected", f"القيم المسموح بها: {known}")
    payer, user = ctx.principal.organization_id, ctx.principal.user_id
    async with ctx.transaction() as tx:
        asked = review_queries.Wanted(wanted, user, ctx.clock.now())
        rows, counted = await review_queries.cases(tx, payer, asked, (limit, offset))
        for row in rows:
            tx.audit(
                "review.list",
                "review",
                ids.show(cases.PREFIX, row["id"]),
                organization_id=payer,
                patient=row["member_id"],
            )
    return [ReviewView(**_head(row, row)) for row in rows], counted


async def show_case(ctx: Context, reference: str) -> tuple[ReviewDetail, Case]:
    """Return a case with its lines, its last decision and its history; raises NotFound."""
    async with ctx.transaction() as tx:
        case = await cases.load(ctx, tx, reference)
        tx.audit("review.read", "review", reference, organization_id=case.organization_id, patient=case.member_id)
        return await _detail(ctx, tx, case), case


async def assign(ctx: Context, reference: str, form: AssigneeForm, if_match: str | None) -> Case:
    """Give a case to somebody, take it, or put it back."""
    async with ctx.transaction() as tx:
        who = await _user(ctx, form.assignee)
        case = await cases.lock(ctx, tx, reference, if_match)
        after(case.state, Event.ASSIGN, Role.REVIEWER)
        return await cases.moved(ctx, tx, replace(case, assigned_to=who), Step(Event.ASSIGN, Role.REVIEWER))


async def escalate(ctx: Context, reference: str, form: SaidForm, if_match: str | None) -> Case:
    """Put a case before those who decide what is hard."""
    note = spoken("text", form.text)
    async with ctx.transaction() as tx:
        case = await cases.lock(ctx, tx, reference, if_match)
        after(case.state, Event.ESCALATE, Role.REVIEWER)
        escalated = replace(case, escalated_at=case.escalated_at or ctx.clock.now(), assigned_to=None)
        return await cases.moved(ctx, tx, escalated, Step(Event.ESCALATE, Role.REVIEWER, note))


async def ask(ctx: Context, reference: str, form: SaidForm, if_match: str | None) -> Case:
    """Ask the provider for information; the question reaches its claim by the case's event."""
    question = spoken("text", form.text)
    async with ctx.transaction() as tx:
        case = await cases.lock(ctx, tx, reference, if_match)
        asked = replace(case, state=after(case.state, Event.ASK, Role.REVIEWER))
        return await cases.moved(ctx, tx, asked, Step(Event.ASK, Role.REVIEWER, question, shared=True))


async def reopen(ctx: Context, form: ReopeningForm) -> Case:
    """Look again at a claim that the payer decided; raises NotFound, PayerNotHere."""
    payer = ctx.principal.organization_id
    async with ctx.transaction() as tx:
        claim = await queries.seen_claim(tx, ids.parse("CLM", form.claim_id))
        if claim is None:
            raise NotFound
        answer = await queries.last_answer(tx, claim["organization_id"], claim["id"])
        decision_id = answer["payer_decision_id"] if answer else None
        head = await queries.decision(tx, decision_id) if decision_id else None
        if head is None or head["organization_id"] != payer:
            raise PayerNotHere
        case = await cases.open_again(ctx, tx, payer, head["id"], "reopened")
        state = after(case.state, Event.REOPEN, Role.REVIEWER)
        case = replace(case, state=state, reissue_reason=form.reason)
        return await cases.moved(ctx, tx, case, Step(Event.REOPEN, Role.REVIEWER, form.note.strip()))


def spoken(path: str, text: str) -> str:
    """Return what somebody says, without blanks around it; raises Invalid for nothing and for too much."""
    if not 0 < len(text.strip()) <= len(text) <= _LONGEST:
        raise _invalid(path, f"From 1 to {_LONGEST} letters are wanted", f"المطلوب من 1 إلى {_LONGEST} حرف")
    return text.strip()


def _invalid(path: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{path}: {detail}", f"{path}: {detail_ar}", errors=[fault(path, "value", detail, detail_ar)])


async def _user(ctx: Context, assignee: str | None) -> UUID | None:
    if assignee is None or assignee == _ME:
        return ctx.principal.user_id if assignee else None
    user = ids.parse("USR", assignee) if ids.looks_like("USR", assignee) else None
    if user is None or not (await ctx.call(AskColleague(user, "claim:review"), Colleague)).may:
        raise _invalid("assignee", "Nobody of the payer who may decide", "لا يوجد مراجع لدى الجهة الدافعة بهذا الرقم")
    return user


async def _detail(ctx: Context, tx: Transaction, case: Case) -> ReviewDetail:
    head = await queries.decision(tx, case.decision_id)
    decided = await load_decision(tx, case.decision_id)
    basis = await review_queries.basis(tx, case.organization_id, case.decision_id)
    submission = unseal(ctx.vault, case.organization_id, case.decision_id, basis["submission"]).submission
    claim = await _claim(tx, case)
    assert decided is not None, "a case names a decision"
    codes = {line.sequence: line.codes[0].code for line in submission.lines}
    return ReviewDetail(
        **_head(case, head),
        claim_id=claim,
        alone_up_to=Money((await cases.terms(ctx, tx, case.organization_id)).alone_up_to),
        lines=[_billed(line) for line in submission.lines],
        adjudication=payer_view(claim or "", case.state.value, decided, codes),
        proposal=await _proposal(tx, case),
        history=[_step(ctx, row) for row in await review_queries.steps(tx, case.organization_id, case.id)],
        clock=await clocks.of_decision(ctx, tx, case.decision_id),
    )


async def _claim(tx: Transaction, case: Case) -> str | None:
    """Return the number of the provider's claim, where it is here and the payer may see it."""
    if case.provider_organization_id is None:
        return None
    key = (case.provider_organization_id, case.identifier_system, case.identifier_value)
    row = await review_queries.claim_of(tx, *key)
    return ids.show("CLM", row["id"]) if row else None


async def _proposal(tx: Transaction, case: Case) -> ProposalView | None:
    row = await review_queries.last_proposal(tx, case.organization_id, case.id)
    if row is None or case.state is not ClaimStatus.SECOND_REVIEW:
        return None
    return ProposalView(
        lines=[_form(one) for one in wire.load(row["rulings"], _RULINGS)],
        payer_share=Money(row["payer_share"]),
        proposed_by=ids.show("USR", row["proposed_by"]),
        proposed_at=row["proposed_at"],
    )


def _form(ruling: LineRuling) -> RulingForm:
    same = {name: getattr(ruling, name) for name in RulingForm.__struct_fields__ if name != "decision"}
    decision: Any = _DECISIONS[ruling.outcome]
    return RulingForm(**same, decision=decision)


def _head(case: Any, decision: Any) -> dict[str, Any]:
    values = case if not isinstance(case, Case) else {name: getattr(case, name) for name in Case.__struct_fields__}
    return {
        "review_id": ids.show(cases.PREFIX, values["id"]),
        "claim_number": values["identifier_value"],
        "provider_license": values["provider_license"],
        "use": decision["use"],
        "cause": values["cause"],
        "status": str(values["state"]),
        "assignee": ids.show("USR", values["assigned_to"]) if values["assigned_to"] else None,
        "escalated": values["escalated_at"] is not None,
        "opened_at": values["opened_at"],
        "due_at": values["due_at"],
        "decision_number": decision["number"],
        "billed": Money(decision["billed"]),
        "payer_share": Money(decision["payer_share"]),
    }


def _billed(line: Line) -> BilledLine:
    same = {name: getattr(line, name) for name in BilledLine.__struct_fields__ if name != "service_code"}
    return BilledLine(**same, service_code=line.codes[0].code)


def _step(ctx: Context, row: Any) -> ReviewStepView:
    is_person = row["role"] in {Role.REVIEWER.value, Role.SECOND_REVIEWER.value}
    return ReviewStepView(
        number=row["number"],
        event=row["event"],
        role=row["role"],
        status=row["state"],
        actor=ids.show("USR", row["actor"]) if is_person else None,
        said=cases.said(ctx, row),
        at=row["at"],
    )
