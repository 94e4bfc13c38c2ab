"""A payer's decision: terms, decision and ledger in one transaction of the payer's scope, each submission once."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from claimlinc import queries, writes
from claimlinc.adjudication import Facts, benefit_uses, decide, words
from claimlinc.adjudication.decision import service_days
from claimlinc.adjudication.facts import Review
from claimlinc.contract import (
    DecidedSubmission,
    DecideSubmission,
    Decision,
    LineDecision,
    Outcome,
    Totals,
    TraceStep,
    Use,
)
from claimlinc.service import authorizing, cases, chain, clocks
from claimlinc.service.checking import check_submission
from claimlinc.service.history import append_history, load_corrected, load_history
from claimlinc.service.notices import notice_of
from claimlinc.service.snapshot import Snapshot, seal
from claimlinc.service.steps import cover_request
from masterlinc import ids, wire
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.money import Money, Quantity
from policylinc.contract import (
    CoverStatus,
    FoundCover,
    LoadTerms,
    PostBenefits,
    PostedBenefits,
    Terms,
)

_AMOUNTS = ("billed", "allowed", "deductible", "copay", "tax", "payer_tax", "payer_share", "patient_share")
_TRACE = tuple[TraceStep, ...]
_FIRST = 1  # the number of a first decision


class Basis(NamedTuple):
    """The day by which a submission is judged, and the facts of that day."""

    day: date
    facts: Facts


class Again(NamedTuple):
    """How a submission is decided once more: after which decision, on what that was made, and why."""

    before: UUID
    number: int
    facts: Facts
    was_complete: bool
    review: Review | None = None
    reissue_reason: str | None = None


async def decide_submission(ctx: Context, request: DecideSubmission) -> DecidedSubmission:
    """Decide a submission as its payer; one that was decided before answers the kept decision."""
    check_submission(request.submission, ctx.config.max_lines)
    payer = ctx.acting_for(request.payer_organization_id)
    async with payer.transaction() as tx:
        begun = await begin(payer, tx, request)
        return begun if isinstance(begun, DecidedSubmission) else await finish(payer, tx, request, begun)


class Corrects(NamedTuple):
    """The decisions in whose place another one comes."""

    prior: Sequence[chain.Chained]


async def begin(payer: Context, tx: Transaction, request: DecideSubmission) -> DecidedSubmission | Basis | Corrects:
    """Lock a submission and its member, and return what to decide on, or the kept decision; nothing is written yet."""
    await chain.wait_for_turn(tx, request)
    kept = await _kept(tx, request)
    if kept is not None:
        return kept
    prior = await chain.find_prior(tx, request)
    return Corrects(prior) if prior else await _basis(payer, tx, request)


async def finish(
    payer: Context, tx: Transaction, request: DecideSubmission, begun: Basis | Corrects
) -> DecidedSubmission:
    """Decide a submission that was begun; keep the decision and post what it uses."""
    if isinstance(begun, Corrects):
        return await _decide_instead(payer, tx, request, begun.prior)
    return await _decide_and_post(payer, tx, request, begun)


async def decide_again(payer: Context, tx: Transaction, request: DecideSubmission, again: Again) -> DecidedSubmission:
    """Take the last decision on a submission back and append the next one, on the facts of now.

    When the submission came stays as it was: a claim that was filed in time is not late because it is looked at again.
    """
    organization = request.payer_organization_id
    await chain.wait_for_turn(tx, request)
    prior = () if again.was_complete else await chain.find_prior(tx, request)
    await chain.take_back(payer, tx, organization, [chain.Chained((again.before,)), *prior], "decided again")
    decided = await _decide_and_post(payer, tx, request, await _basis(payer, tx, request), again)
    await chain.end_replaced(payer, tx, request, prior, decided.decision_id)
    return decided


async def load_decision(tx: Transaction, decision_id: UUID) -> DecidedSubmission | None:
    """Return a decision that the open transaction's organizations may see, as payer or provider."""
    head = await queries.decision(tx, decision_id)
    if head is None:
        return None
    lines = await queries.decision_lines(tx, head["organization_id"], decision_id)
    decision = decision_of(head, lines)
    return DecidedSubmission(decision_id, head["decided_at"], decision, head["number"], head["reissue_reason"])


def decision_of(head: Any, lines: Iterable[Any]) -> Decision:
    """Return a decision as its rows hold it."""
    return Decision(
        outcome=Outcome(head["outcome"]),
        lines=tuple(_line(row) for row in lines),
        totals=Totals(**_amounts(head)),
        disposition=head["disposition"],
        disposition_ar=head["disposition_ar"],
        rules_version=head["rules_version"],
        trace=wire.load(head["trace"], _TRACE),
        preauth_ref=head["preauth_ref"],
    )


async def _kept(tx: Transaction, request: DecideSubmission) -> DecidedSubmission | None:
    submission = request.submission
    decision_id = await queries.decision_of(
        tx,
        request.payer_organization_id,
        submission.provider_license or "",
        submission.identifier.system,
        submission.identifier.value,
        request.provider_organization_id,
    )
    return None if decision_id is None else await load_decision(tx, decision_id)


async def _basis(payer: Context, tx: Transaction, request: DecideSubmission) -> Basis:
    """Read the terms of the first day of service, or of the last where the cover holds only then."""
    first, last = service_days(request.submission)
    cover = await _cover(payer, request, first)
    day = first
    if last != first and (cover is None or cover.status is not CoverStatus.ACTIVE):
        later = await _cover(payer, request, last)
        if later is not None and (cover is None or later.status is CoverStatus.ACTIVE):
            cover, day = later, last
    if cover is None or cover.member_id is None:
        return Basis(day, Facts(None))
    wanted = {coding.code for line in request.submission.lines for coding in line.codes}
    load = LoadTerms(
        payer_organization_id=request.payer_organization_id,
        member_id=cover.member_id,
        service_date=day,
        provider_organization_id=request.provider_organization_id,
        codes=tuple(sorted(wanted)),
        newborn_born_on=request.submission.subject.birth_date if cover.newborn else None,
    )
    terms = await payer.call(load, Terms)  # locks the member: what another claim of theirs decides, we see or it waits
    return Basis(day, await _facts(tx, request, terms))


async def _facts(tx: Transaction, request: DecideSubmission, terms: Terms) -> Facts:
    party = (request.payer_organization_id, terms.member_id, request.provider_organization_id, request.submission)
    return Facts(
        terms,
        history=await load_history(tx, request, terms),
        authorizations=await authorizing.usable(tx, *party),
        preauth_ref=await authorizing.extended(tx, *party),
        emergency_notice=await notice_of(tx, terms, request.provider_organization_id, request.submission),
        provider_organization_id=request.provider_organization_id,
        corrects=await load_corrected(tx, request),
    )


async def _cover(payer: Context, request: DecideSubmission, day: date) -> FoundCover | None:
    cover = await payer.call(cover_request(request.submission, day), FoundCover)
    here = cover.found and cover.payer_organization_id == request.payer_organization_id
    return cover if here else None


class _Waits(Exception):
    """A correction is pended: what it corrects stands until a person has decided."""

    def __init__(self, basis: Basis) -> None:
        self.basis = basis
        super().__init__("pended")


async def _decide_instead(
    payer: Context, tx: Transaction, request: DecideSubmission, prior: Sequence[chain.Chained]
) -> DecidedSubmission:
    """Decide a correction as if what it corrects had never been, and end that; a pended one ends nothing yet."""
    try:
        async with payer.transaction():
            await chain.take_back(payer, tx, request.payer_organization_id, prior)
            basis = await _basis(payer, tx, request)
            decided = await _decide_and_post(payer, tx, request, basis)
            _leave_if_pended(decided, basis)
            await chain.end_replaced(payer, tx, request, prior, decided.decision_id)
            return decided
    except _Waits as waits:
        return await _decide_and_post(payer, tx, request, waits.basis)


def _leave_if_pended(decided: DecidedSubmission, basis: Basis) -> None:
    if decided.decision.outcome is Outcome.PENDED:
        raise _Waits(basis)


async def _decide_and_post(
    payer: Context, tx: Transaction, request: DecideSubmission, basis: Basis, again: Again | None = None
) -> DecidedSubmission:
    decision_id, now, submission = ids.new_id(), payer.clock.now(), request.submission
    asks = submission.use is Use.PREAUTHORIZATION
    before = again.facts if again else Facts(None)
    given = before.preauth_ref or basis.facts.preauth_ref or ids.show(authorizing.PREFIX, decision_id)
    facts = replace(
        basis.facts,
        received_on=before.received_on or today(payer.clock),
        preauth_ref=given if asks else None,
        enrolled_by_simulator=request.enrolled_by_simulator,
        review=again.review if again else None,
    )
    terms, basis = facts.terms, Basis(basis.day, facts)
    decision = words.with_reasons(decide(submission, facts))
    number, why = (again.number, again.reissue_reason) if again else (_FIRST, None)
    decided = DecidedSubmission(decision_id, now, decision, number, why)
    await _keep(payer, tx, request, basis, decided)
    if terms is not None:
        await append_history(tx, request, terms, decided)
    uses = benefit_uses(decision)
    if terms is not None and uses and not asks:
        post = PostBenefits(terms.payer_organization_id, terms.member_id, decision_id, basis.day, uses)
        await payer.call(post, PostedBenefits)
    made = authorizing.Made(
        request.payer_organization_id, request.provider_organization_id, decision_id, submission, facts, decision
    )
    await authorizing.post(payer, tx, made)
    await _wait_or_answer(payer, tx, made, again)
    tx.audit(
        "claim.decide",
        "decision",
        str(decision_id),
        organization_id=request.payer_organization_id,
        patient=terms.member_id if terms else None,
        outcome=decision.outcome.value,
        detail={"rules_version": decision.rules_version},
    )
    return decided


async def _wait_or_answer(payer: Context, tx: Transaction, made: authorizing.Made, again: Again | None) -> None:
    """Have a first decision that is pended wait for a person; a later one is what the payer's clock waits for."""
    is_pended = made.decision.outcome is Outcome.PENDED
    if again is None:
        due_at = await clocks.start(payer, tx, made)
        if is_pended:
            await cases.open_pended(payer, tx, made.payer, made.decision_id, due_at)
    elif not is_pended:
        by = again.review.by if again.review else "rules"
        await clocks.answered(payer, tx, made.payer, again.before, made.decision_id, by=by)


async def _keep(
    payer: Context, tx: Transaction, request: DecideSubmission, basis: Basis, decided: DecidedSubmission
) -> None:
    organization, decision_id = request.payer_organization_id, decided.decision_id
    sealed = seal(payer.vault, organization, decision_id, Snapshot(request.submission))
    await writes.append_decision(
        tx,
        _head_row(request, basis, decided),
        [_line_row(request, decision_id, line) for line in decided.decision.lines],
        (organization, decision_id, wire.dump(basis.facts), sealed),
    )


def _head_row(request: DecideSubmission, basis: Basis, decided: DecidedSubmission) -> tuple[Any, ...]:
    submission, decision, terms = request.submission, decided.decision, basis.facts.terms
    return (
        request.payer_organization_id,
        decided.decision_id,
        request.provider_organization_id,
        submission.provider_license or "",
        submission.identifier.system,
        submission.identifier.value,
        decided.number,
        submission.use.value,
        terms.member_id if terms else None,
        terms.policy_id if terms else None,
        basis.day,
        decision.outcome.value,
        *(getattr(decision.totals, name) for name in _AMOUNTS),
        decision.disposition,
        decision.disposition_ar,
        decision.rules_version,
        decision.preauth_ref,
        wire.dump(decision.trace),
        decided.decided_at,
        decided.reissue_reason,
    )


def _line_row(request: DecideSubmission, decision_id: UUID, line: LineDecision) -> tuple[Any, ...]:
    return (
        request.payer_organization_id,
        decision_id,
        request.provider_organization_id,
        line.sequence,
        line.outcome.value,
        line.benefit,
        *(getattr(line, name) for name in _AMOUNTS),
        line.approved_quantity,
        line.denial_code,
        line.reason,
        line.reason_ar,
        wire.dump(line.trace),
        line.authorization,
    )


def _line(row: Any) -> LineDecision:
    return LineDecision(
        sequence=row["sequence"],
        outcome=Outcome(row["outcome"]),
        benefit=row["benefit"],
        **_amounts(row),
        approved_quantity=Quantity.parse(row["approved_quantity"]),
        reason=row["reason"],
        reason_ar=row["reason_ar"],
        denial_code=row["denial_code"],
        trace=wire.load(row["trace"], _TRACE),
        authorization=row["used_authorization"],
    )


def _amounts(row: Any) -> dict[str, Money]:
    return {name: Money(row[name]) for name in _AMOUNTS}
