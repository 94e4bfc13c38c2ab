"""Taking messages in: checked, stored as they came, and recorded as claims, all in one transaction or not at all."""

import asyncio
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from claimlinc.contract import ClaimSubmission, RecordClaim, RecordedClaim
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, NotFound
from nphieslinc import queries, storage
from nphieslinc.contract import MessageStored
from nphieslinc.envelope import Envelope, open_envelope
from nphieslinc.errors import MessageReused, RulesBroken
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import parse
from nphieslinc.licences import sender_faults
from nphieslinc.reading import read_submission
from nphieslinc.rules import check
from nphieslinc.schemas import BrokenRuleView, MessageView, SubmittedClaim, SubmittedMessage

_VIEWS = list[BrokenRuleView]


class _Taken(Struct, frozen=True):
    data: bytes
    envelope: Envelope
    submission: ClaimSubmission
    warnings: list[BrokenRuleView]


async def submit_message(ctx: Context, data: bytes) -> tuple[SubmittedMessage, bool]:
    """Take a message of the caller's organization; the flag is False when it is stored already."""
    envelope = open_envelope(parse(data))
    submission = read_submission(envelope)
    found = await asyncio.to_thread(check, envelope)  # 10 MB take a second, which others must not wait for
    broken = [*found, *await sender_faults(ctx, envelope)]
    if broken and ctx.config.strictness == "full":
        raise RulesBroken.of(broken)
    taken = _Taken(data, envelope, submission, [_view(fault) for fault in broken])
    try:
        return await _store(ctx, taken)
    except asyncpg.UniqueViolationError:  # the same message arrived twice at once: the other one is stored now
        return await _store(ctx, taken)


def _view(fault: BrokenRule) -> BrokenRuleView:
    return BrokenRuleView(fault.rule, fault.path, fault.detail, fault.detail_ar)


async def _store(ctx: Context, taken: _Taken) -> tuple[SubmittedMessage, bool]:
    organization, envelope = ctx.principal.organization_id, taken.envelope
    async with ctx.transaction() as tx:
        known = await _known(tx, organization, taken)
        message_id = known or ids.new_id()
        request = RecordClaim(replace(taken.submission, message_id=message_id))
        recorded = await ctx.call(request, RecordedClaim)
        if known is None:
            await _insert(ctx, tx, taken, message_id, ids.parse("CLM", recorded.claim_id))
    claim = SubmittedClaim(recorded.claim_id, recorded.status.value, recorded.duplicate)
    answer = SubmittedMessage(ids.show("MSG", message_id), envelope.event, [claim], taken.warnings)
    return answer, known is None


async def _known(tx: Transaction, organization: UUID, taken: _Taken) -> UUID | None:
    """Find the same message; raises MessageReused for other content under its ids."""
    envelope, sha = taken.envelope, storage.digest(taken.data)
    rows = await queries.messages_with_ids(tx, organization, envelope.bundle_id, envelope.header_id)
    if not rows:
        return None
    same = next((row["id"] for row in rows if row["sha256"] == sha), None)
    if same is None:
        raise MessageReused(errors=[_reused(envelope, row) for row in rows])
    return UUID(str(same))


def _reused(envelope: Envelope, row: asyncpg.Record) -> FieldError:
    if row["bundle_id"] == envelope.bundle_id:
        words = "this Bundle.id was used for other content", "استُخدم معرّف الحزمة هذا لمحتوى آخر"
        return FieldError("Bundle.id", "BV-00533", *words)
    words = "this MessageHeader.id was used for other content", "استُخدم معرّف MessageHeader هذا لمحتوى آخر"
    return FieldError(f"{envelope.header.path}.id", "BV-00532", *words)


async def _insert(ctx: Context, tx: Transaction, taken: _Taken, message_id: UUID, claim_id: UUID) -> None:
    organization = ctx.principal.organization_id
    message = storage.outbound(
        ctx.vault,
        organization,
        message_id,
        taken.data,
        taken.envelope,
        origin="submitted",
        claim_id=claim_id,
        now=ctx.clock.now(),
        warnings=wire.dump(taken.warnings),
    )
    await queries.insert_message(tx, message)
    event = MessageStored(message_id=message_id, organization_id=organization, event=taken.envelope.event)
    tx.publish(event, aggregate=message_id, organization_id=organization)
    shown = ids.show("MSG", message_id)
    tx.audit(
        "nphies.submit", "nphies_message", shown, organization_id=organization, detail={"event": taken.envelope.event}
    )


async def show_message(ctx: Context, message_id: str) -> MessageView:
    """Return what is known of a stored message; the reading is audited."""
    key, organization = ids.parse("MSG", message_id), ctx.principal.organization_id
    async with ctx.transaction() as tx:
        row = await queries.message_by_id(tx, organization, key)
        if row is None:
            raise NotFound
        tx.audit("nphies.read", "nphies_message", message_id, organization_id=organization)
    same = ("direction", "origin", "event", "bundle_id", "header_id", "sender", "receiver", "size", "received_at")
    return MessageView(
        message_id=message_id,
        claim_id=ids.show("CLM", row["claim_id"]) if row["claim_id"] else None,
        sha256=row["sha256"].hex(),
        warnings=wire.load(row["warnings"], _VIEWS),
        **{name: row[name] for name in same},
    )


async def read_original(ctx: Context, message_id: str) -> bytes:
    """Return a stored message byte for byte; the reading is audited."""
    key, organization = ids.parse("MSG", message_id), ctx.principal.organization_id
    async with ctx.transaction() as tx:
        row = await queries.message_by_id(tx, organization, key)
        if row is None:
            raise NotFound
        tx.audit("nphies.read_message", "nphies_message", message_id, organization_id=organization)
    return storage.unsealed(ctx.vault, organization, key, row["body"])
