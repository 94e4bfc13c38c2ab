"""The two steps of a claim's workflow that belong to the exchange: send it, and record what was answered.

Nothing is sent that is not stored, and nothing of an answer is read before it is stored: a crash at any point goes on
with the same message, under the same ids.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc.contract import FindOrganization, LoadOrganization, OrganizationInfo
from claimlinc.contract import AnswerError, ClaimStatus, LoadClaim, LoadedClaim, RecordAnswer, RecordedAnswer
from masterlinc.agent import Park, Retry, StepDone, StepInput
from masterlinc.backoff import backoff
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import DomainError
from masterlinc.ids import new_id
from nphieslinc import hub, queries, simulator, storage
from nphieslinc.config import SIMULATOR, Config
from nphieslinc.envelope import Envelope, open_envelope
from nphieslinc.errors import HubUnreachable
from nphieslinc.fhir import Tree, parse
from nphieslinc.payer import DECISION_SYSTEM
from nphieslinc.reading import read_answer
from nphieslinc.sending import NO_PAYER, demo_patient, stand_in_payer, unsendable
from nphieslinc.writing import Parties, build_request


class _Intended(Exception):  # a process that took the step over was quicker: the message built here is not kept
    pass


async def submit_claim(ctx: Context, step: StepInput) -> StepDone:
    """Send a claim's message and store the raw answer; run again it goes on where it was."""
    organization, claim_id = step.organization_id, UUID(step.key)
    exchange = await _exchange(ctx, organization, claim_id)
    if exchange is None:
        return StepDone("not sent: it leads to no payer, or names nobody")
    if exchange["state"] == "answered":
        return StepDone("answered before")
    data = await _request(ctx, organization, exchange)
    if data is None:
        return StepDone("answered meanwhile")
    try:
        answer = await _send(ctx, data)
    except HubUnreachable as fault:
        async with ctx.transaction() as tx:
            await queries.mark_fault(tx, organization, exchange["id"], fault.detail)
        raise Retry(fault.detail, backoff(exchange["attempts"] + 1) + timedelta(seconds=1)) from None
    await _keep(ctx, organization, exchange, answer)
    return StepDone("answered")


async def _exchange(ctx: Context, organization: UUID, claim_id: UUID) -> Any:
    """Return the claim's exchange; the first time, the intent to send it is committed with the message.

    A claim that cannot be sent has none.
    """
    async with ctx.transaction(read_only=True) as tx:
        row = await queries.exchange_of_claim(tx, organization, claim_id)
    if row is not None:
        return row
    claim = await ctx.call(LoadClaim(claim_id), LoadedClaim)
    parties = None
    if claim.submission.message_id is None:
        claim = demo_patient(ctx.config, claim)
        parties = await _parties(ctx, claim)
        if parties is None or unsendable(claim, parties):
            return None
    with suppress(_Intended):
        async with ctx.transaction() as tx:
            message_id = claim.submission.message_id or await _build(ctx, tx, claim, parties)
            if not await queries.insert_exchange(tx, organization, new_id(), claim_id, message_id, ctx.clock.now()):
                raise _Intended
    async with ctx.transaction(read_only=True) as tx:
        return await queries.exchange_of_claim(tx, organization, claim_id)


async def _parties(ctx: Context, claim: LoadedClaim) -> Parties | None:
    """Name both ends of a message that is built here; None where nothing leads to a payer."""
    submission, config = claim.submission, ctx.config
    provider = await ctx.call(LoadOrganization(claim.organization_id), OrganizationInfo)
    payer = OrganizationInfo(found=False)
    if claim.payer_organization_id is not None:
        payer = await ctx.call(LoadOrganization(claim.payer_organization_id), OrganizationInfo)
    elif submission.payer_license:
        payer = await ctx.call(FindOrganization(submission.payer_license), OrganizationInfo)
    license_ = submission.payer_license or next(iter(payer.licenses), "") or stand_in_payer(config)
    if not license_:
        return None
    return Parties(
        provider_license=submission.provider_license or next(iter(provider.licenses), ""),
        provider_name=submission.provider_name or provider.name,
        payer_license=license_,
        payer_name=submission.payer_name or payer.name or license_,
        base=config.base_url,
    )


async def _build(ctx: Context, tx: Transaction, claim: LoadedClaim, parties: Parties | None) -> UUID:
    assert parties is not None, "a claim without a message has its parties looked up"
    message_id = new_id()
    data = build_request(claim, parties, ctx.clock, bundle_id=new_id(), header_id=new_id())
    message = storage.outbound(
        ctx.vault,
        claim.organization_id,
        message_id,
        data,
        open_envelope(parse(data)),
        origin="built",
        claim_id=claim.claim_id,
        now=ctx.clock.now(),
    )
    await queries.insert_message(tx, message)
    return message_id


async def _request(ctx: Context, organization: UUID, exchange: Any) -> bytes | None:
    """Return the stored bytes to send; the attempt is counted and committed before it is made.

    None: another run has the answer by now.
    """
    message_id = UUID(str(exchange["request_message_id"]))
    async with ctx.transaction() as tx:
        row = await queries.message_by_id(tx, organization, message_id)
        if not await queries.mark_sent(tx, organization, exchange["id"], ctx.clock.now()):
            return None
    return storage.unsealed(ctx.vault, organization, message_id, row["body"])


async def _send(ctx: Context, data: bytes) -> bytes:
    config: Config = ctx.config
    return await (simulator.process_message(ctx, data) if config.hub == SIMULATOR else hub.send(ctx, data))


async def _keep(ctx: Context, organization: UUID, exchange: Any, answer: bytes) -> None:
    if not answer:
        raise Retry("the hub's answer is empty")
    message_id, now = new_id(), ctx.clock.now()
    message = storage.inbound(ctx.vault, organization, message_id, answer, claim_id=exchange["claim_id"], now=now)
    async with ctx.transaction() as tx:
        await queries.insert_message(tx, message)
        await queries.mark_answered(tx, organization, exchange["id"], message_id, now)


async def record_answer(ctx: Context, step: StepInput) -> StepDone:
    """Read the stored answer to a claim and record what it says."""
    organization, claim_id = step.organization_id, UUID(step.key)
    async with ctx.transaction() as tx:
        exchange = await queries.exchange_of_claim(tx, organization, claim_id)
        if exchange is None:
            claim = await ctx.call(LoadClaim(claim_id), LoadedClaim)
            fault = unsendable(claim, await _parties(ctx, claim)) or NO_PAYER  # its payer came since
            recorded = await ctx.call(RecordAnswer(claim_id, ClaimStatus.ERROR, errors=(fault,)), RecordedAnswer)
            return StepDone(f"answer {recorded.number}: not sent, {fault.code}")
        if exchange["answer_message_id"] is None:
            raise Park("there is no answer to record")
        request = await queries.message_by_id(tx, organization, exchange["request_message_id"])
        message_id = UUID(str(exchange["answer_message_id"]))
        row = await queries.message_by_id(tx, organization, message_id)
        data = storage.unsealed(ctx.vault, organization, message_id, row["body"])
        answer = await _read(ctx, tx, _Stored(organization, claim_id, message_id, request["header_id"], data))
        recorded = await ctx.call(answer, RecordedAnswer)
    return StepDone(f"answer {recorded.number}: {answer.status.value}")


class _Stored(Struct, frozen=True):
    """An answer as it is stored, and what it answers."""

    organization_id: UUID
    claim_id: UUID
    message_id: UUID
    request_header_id: str
    data: bytes


async def _read(ctx: Context, tx: Transaction, stored: _Stored) -> RecordAnswer:
    try:
        tree = parse(stored.data)
        if tree.get("resourceType") == "OperationOutcome":
            return RecordAnswer(stored.claim_id, ClaimStatus.ERROR, errors=_issues(tree), message_id=stored.message_id)
        envelope = open_envelope(tree)
        read = read_answer(envelope, request_header_id=stored.request_header_id)
    except DomainError as fault:
        raise Park(f"the answer cannot be used: {fault.detail}") from None
    await queries.note_what_was_read(tx, stored.organization_id, stored.message_id, envelope)
    return RecordAnswer(
        claim_id=stored.claim_id,
        status=read.status,
        lines=read.lines,
        errors=read.errors,
        disposition=read.disposition,
        preauth_ref=read.preauth_ref,
        payer_decision_id=_decision_id(ctx, envelope),
        message_id=stored.message_id,
    )


def _issues(tree: Tree) -> tuple[AnswerError, ...]:
    """Read the lone OperationOutcome that the hub answers to what it cannot read."""
    found = []
    issues = tree.get("issue")
    for issue in issues if isinstance(issues, list) else ():
        details = issue.get("details") if isinstance(issue, dict) else None
        codings = details.get("coding") if isinstance(details, dict) else None
        coding = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
        places = issue.get("expression") if isinstance(issue, dict) else None
        path = places[0] if isinstance(places, list) and places and isinstance(places[0], str) else None
        code = str(coding.get("code") or "GE-00013")
        detail = str(coding.get("display") or "the hub could not read the message")
        found.append(AnswerError(code, detail, f"تعذر على المنصة قراءة الرسالة: القاعدة {code}", path))
    return tuple(found) or (
        AnswerError("GE-00013", "the hub could not read the message", "تعذر على المنصة قراءة الرسالة"),
    )


def _decision_id(ctx: Context, envelope: Envelope) -> UUID | None:
    """Return the number of the payer's decision, where the payer lives in this system."""
    if ctx.config.hub != SIMULATOR or envelope.focus is None:
        return None
    for number in envelope.focus.children("identifier"):
        if number.text("system") == DECISION_SYSTEM:
            try:
                return UUID(number.text("value") or "")
            except ValueError:
                return None
    return None
