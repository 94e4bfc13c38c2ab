"""The payer's side of corrections and cancellations: what a decision used is taken back, once, and it ends.

A decided correction ends what it corrects in the same transaction, so that no moment counts both or neither.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from claimlinc import chain_queries, payment_queries, queries
from claimlinc.contract import (
    CancelDecision,
    ClaimSubmission,
    DecideSubmission,
    EndedDecision,
    Outcome,
    Use,
)
from claimlinc.corrections import corrects
from claimlinc.errors import ClaimCorrected, ClaimNotCancellable, ClaimNotCorrectable
from claimlinc.service import authorizing, cases
from claimlinc.service.history import withdraw_decision
from claimlinc.service.states import Event
from masterlinc import wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound
from policylinc.contract import PostedBenefits, ReverseBenefits

Number = tuple[str, str, str]  # licence of the provider, system and value of the identifier


class Chained(NamedTuple):
    """A submission that is replaced: all decisions on it, the last one last."""

    decisions: tuple[UUID, ...]


class Submission(NamedTuple):
    """Whose submission it is, and its number: what a payer knows it by."""

    payer: UUID
    provider: UUID | None
    number: Number


async def wait_for_turn(tx: Transaction, request: DecideSubmission) -> None:
    """Make messages of one submission, and of what it corrects, wait for each other, in one order."""
    submissions = [_own(request), *_prior(request)]
    await _wait(tx, submissions)


async def find_prior(tx: Transaction, request: DecideSubmission) -> tuple[Chained, ...]:
    """Return what a submission corrects and this payer decided; raises ClaimCorrected, ClaimNotCorrectable."""
    found = []
    for one in _prior(request):
        rows = [row for row in await _decisions(tx, one) if row["use"] == Use.CLAIM]
        if rows and _stands(one, rows):
            found.append(Chained(tuple(row["id"] for row in rows)))
    return tuple(found)


async def take_back(
    payer: Context, tx: Transaction, organization: UUID, prior: Sequence[Chained], reason: str = "replaced"
) -> None:
    """Take back what the decisions on submissions used, and their history; what was taken back before stays so."""
    for decision_id in (number for one in prior for number in one.decisions):
        await payer.call(ReverseBenefits(organization, decision_id), PostedBenefits)
        await authorizing.take_back(payer, tx, organization, decision_id)
        await withdraw_decision(tx, organization, decision_id, reason, payer.clock.now())


async def end_replaced(
    payer: Context, tx: Transaction, request: DecideSubmission, prior: Sequence[Chained], by: UUID
) -> None:
    """End the decisions that another one stands in the place of."""
    organization, now = request.payer_organization_id, payer.clock.now()
    for one in prior:
        last = one.decisions[-1]
        row = (organization, last, request.provider_organization_id, "replaced", by, None, now)
        await chain_queries.end_decision(tx, row)
        await cases.withdraw(payer, tx, organization, last, Event.REPLACE)
        _audit(tx, "claim.replace", organization, last, {"by": str(by)})


async def cancel_decision(ctx: Context, request: CancelDecision) -> EndedDecision:
    """End the decision on a cancelled claim and take its use back; raises NotFound, ClaimNotCancellable."""
    payer = ctx.acting_for(request.payer_organization_id)
    async with payer.transaction(payer.principal.organizations) as tx:
        head = await queries.decision(tx, request.decision_id)
        if head is None or head["provider_organization_id"] != request.provider_organization_id:
            raise NotFound
        number = (head["provider_license"], head["identifier_system"], head["identifier_value"])
        one = Submission(request.payer_organization_id, request.provider_organization_id, number)
        await _wait(tx, [one])
        rows = await _decisions(tx, one)
        if any(row["ended"] for row in rows):
            raise ClaimNotCancellable("the payer's decision has ended already", "انتهى قرار الجهة الدافعة من قبل")
        account = await payment_queries.lock_account(tx, one.payer, number)
        if account is not None and account["paid"]:
            raise ClaimNotCancellable(
                "The claim is paid or in a payment batch: send a correction, and the difference is taken back",
                "المطالبة مدفوعة أو ضمن دفعة سداد: أرسل تصحيحاً ليُسترد الفرق",
            )
        chained = Chained(tuple(row["id"] for row in rows))
        await take_back(payer, tx, one.payer, [chained], "cancelled")
        last, now = chained.decisions[-1], payer.clock.now()
        row = (one.payer, last, one.provider, "cancelled", None, request.reason.value, now)
        await chain_queries.end_decision(tx, row)
        await cases.withdraw(payer, tx, one.payer, last, Event.CANCEL)
        _audit(tx, "claim.cancel", one.payer, last, {"reason": request.reason.value})
        return EndedDecision(last)


def _audit(tx: Transaction, action: str, payer: UUID, decision_id: UUID, detail: dict[str, str]) -> None:
    tx.audit(action, "decision", str(decision_id), organization_id=payer, detail=detail)


def _stands(one: Submission, rows: list[Any]) -> bool:
    """Say whether a decision is there to be replaced; a cancelled one is not, and counts nothing."""
    last, value = rows[-1], one.number[2]
    if last["ended"] == "replaced":
        raise ClaimCorrected(
            f"claim {last['ended_by']} stands in the place of claim {value} already",
            f"المطالبة {last['ended_by']} حلت محل المطالبة {value} من قبل",
        )
    if all(row["outcome"] == Outcome.PENDED for row in rows):
        raise ClaimNotCorrectable(f"claim {value} is not decided yet", f"لم يصدر قرار في المطالبة {value} بعد")
    return last["ended"] is None


async def _decisions(tx: Transaction, one: Submission) -> list[Any]:
    return await chain_queries.decisions_of(tx, one.payer, one.number, one.provider)


async def _wait(tx: Transaction, submissions: Sequence[Submission]) -> None:
    for key in sorted({wire.dump([one.payer, one.provider, *one.number]) for one in submissions}):
        await queries.wait_for_turn(tx, key)


def _own(request: DecideSubmission) -> Submission:
    submission = request.submission
    return _of(request, submission, submission.identifier.system, submission.identifier.value)


def _prior(request: DecideSubmission) -> list[Submission]:
    submission = request.submission
    return [_of(request, submission, one.identifier.system, one.identifier.value) for one in corrects(submission)]


def _of(request: DecideSubmission, submission: ClaimSubmission, system: str, value: str) -> Submission:
    number = (submission.provider_license or "", system, value)
    return Submission(request.payer_organization_id, request.provider_organization_id, number)
