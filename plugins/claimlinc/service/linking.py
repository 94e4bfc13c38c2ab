"""A claim that corrects another: asked for with the new claim's commit, done or failed with the answer to it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from claimlinc import chain_queries, queries, writes
from claimlinc.contract import ClaimReplaced, ClaimStatus, ClaimSubmission, Identifier, Use
from claimlinc.corrections import Named, corrects
from claimlinc.errors import ClaimCorrected, ClaimInvalid, ClaimNotCorrectable
from claimlinc.service.checking import fault
from claimlinc.service.states import DECIDED, TRANSITIONS, Event, Role
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, NotFound

OWN_NUMBERS = "urn:masterlinc:claim:"  # the systems of the numbers that organizations here give


async def check(tx: Transaction, organization: UUID, submission: ClaimSubmission, payer: UUID | None) -> list[UUID]:
    """Lock the claims that a submission corrects and return those that are known here.

    Raises ClaimInvalid for one that is not the provider's, ClaimNotCorrectable, ClaimCorrected.
    """
    found, faults = [], []
    for named in corrects(submission):
        number = named.identifier
        old = await chain_queries.lock_by_number(tx, organization, number.system, number.value)
        if old is None and number.system.startswith(OWN_NUMBERS):
            faults.append(_unknown(named))
        elif old is None or old["use"] != Use.CLAIM:
            continue  # it was sent from elsewhere, or is an authorization: nothing here is replaced
        elif number == submission.identifier:
            faults.append(_itself(named))
        elif _elsewhere(old, submission, payer):
            faults.append(_other_payer(named))
        elif not await _asked_before(tx, organization, old["id"], submission.identifier):
            _require_decided(old["id"], ClaimStatus(old["status"]))
            found.append(old["id"])
    if faults:
        raise ClaimInvalid(errors=faults)
    return found


async def link(ctx: Context, tx: Transaction, organization: UUID, claim_id: UUID, old: Iterable[UUID]) -> None:
    """Note what a recorded claim corrects."""
    for one in old:
        await chain_queries.add_correction(tx, organization, one, claim_id, ctx.clock.now())
        tx.audit(
            "claim.correct",
            "claim",
            ids.show("CLM", one),
            organization_id=organization,
            detail={"by": ids.show("CLM", claim_id)},
        )


async def note_answer(ctx: Context, tx: Transaction, organization: UUID, claim_id: UUID, status: ClaimStatus) -> None:
    """Let a decided claim stand in the place of what it corrects; one that was refused leaves the place."""
    if status in DECIDED:
        for old in await chain_queries.end_corrections(tx, organization, claim_id, "done", ctx.clock.now()):
            await _replace(ctx, tx, organization, old, claim_id)
    elif status in {ClaimStatus.ERROR, ClaimStatus.CANCELLED}:
        await chain_queries.end_corrections(tx, organization, claim_id, "failed", ctx.clock.now())


async def own_claim(tx: Transaction, claim_id: UUID) -> Any:
    """Return a claim that is the caller's own; raises NotFound."""
    row = await queries.seen_claim(tx, claim_id)
    if row is None or row["organization_id"] not in tx.organizations:
        raise NotFound
    return row


async def _replace(ctx: Context, tx: Transaction, organization: UUID, old: UUID, by: UUID) -> None:
    claim = await queries.lock_claim(tx, organization, old)
    after = TRANSITIONS.get((ClaimStatus(claim["status"]), Event.REPLACE, Role.PAYER))
    if after is None:  # it was cancelled meanwhile, and stays so
        return
    await writes.set_status(tx, organization, old, after.value, ctx.clock.now())
    event = ClaimReplaced(claim_id=old, organization_id=organization, by_claim_id=by)
    tx.publish(event, aggregate=old, organization_id=organization)
    tx.audit(
        "claim.replace",
        "claim",
        ids.show("CLM", old),
        organization_id=organization,
        patient=claim["patient_id"],
        detail={"by": ids.show("CLM", by)},
    )


async def _asked_before(tx: Transaction, organization: UUID, old: UUID, identifier: Identifier) -> bool:
    """Say whether this very submission was linked before; raises ClaimCorrected where another one was."""
    standing = await chain_queries.standing_correction(tx, organization, old)
    if standing is None:
        return False
    if (standing["identifier_system"], standing["identifier_value"]) == (identifier.system, identifier.value):
        return True  # it came again: recording answers the first, or that the number is taken
    by = ids.show("CLM", standing["id"])
    raise ClaimCorrected(
        f"{by} corrects {ids.show('CLM', old)} already; correct that one, or wait for its answer",
        f"المطالبة {by} تصحح {ids.show('CLM', old)}؛ يمكن تصحيح تلك المطالبة أو انتظار الرد عليها",
        extra={"claim_id": by},
    )


def _require_decided(old: UUID, status: ClaimStatus) -> None:
    if (status, Event.REPLACE, Role.PROVIDER) in TRANSITIONS:
        return
    shown = ids.show("CLM", old)
    raise ClaimNotCorrectable(
        f"{shown} is {status.value}: only a claim that its payer has decided, and that still stands, can be corrected",
        f"المطالبة {shown} في حالة {status.value}: لا تُصحح إلا مطالبة صدر فيها قرار الجهة الدافعة وما زالت قائمة",
    )


def _elsewhere(old: dict[str, object], submission: ClaimSubmission, payer: UUID | None) -> bool:
    """Say whether a correction goes to another payer than what it corrects."""
    before, now = old["payer_organization_id"], payer
    if before is not None and now is not None:
        return before != now
    return None not in (old["payer_license"], submission.payer_license) and (
        old["payer_license"] != submission.payer_license
    )


def _unknown(named: Named) -> FieldError:
    return fault(
        named.path,
        "unknown-claim",
        f"You have sent no claim {named.identifier.value}; only your own claims can be corrected",
        f"لم ترسل مطالبة بالرقم {named.identifier.value}؛ لا يمكنك تصحيح إلا مطالباتك",
    )


def _itself(named: Named) -> FieldError:
    return fault(
        named.path,
        "corrects-itself",
        "A correction is a new claim with a number of its own",
        "التصحيح مطالبة جديدة لها رقم خاص بها",
    )


def _other_payer(named: Named) -> FieldError:
    return fault(
        named.path,
        "other-payer",
        f"Claim {named.identifier.value} went to another payer; a correction goes to the same one",
        f"أُرسلت المطالبة {named.identifier.value} إلى جهة دافعة أخرى؛ يُرسل التصحيح إلى الجهة نفسها",
    )
