"""The hub of the simulator: checks the envelope, knows what it answered before, hands on to the simulated payer.

It is a function from bytes to bytes, as the real hub is over HTTP.
"""

from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import DomainError
from masterlinc.ids import new_id
from nphieslinc import queries, storage
from nphieslinc.config import Config
from nphieslinc.envelope import CLAIM_EVENTS, Envelope, open_envelope
from nphieslinc.errors import BrokenMessage
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import parse
from nphieslinc.licences import sender_faults
from nphieslinc.payer import answer
from nphieslinc.reading import read_submission
from nphieslinc.rules import check
from nphieslinc.writing import MessageIds, Responder, operation_outcome, refused
from nphieslinc.writing.header import Sender

HUB = uuid5(NAMESPACE_URL, "masterlinc:nphieslinc:simulator")  # the organization of the simulator's own rows
_BASE = "http://nphies.sa"
_NPHIES = Responder(Sender("nphies", "NPHIES", f"{_BASE}/"), _BASE)


async def process_message(ctx: Context, data: bytes) -> bytes:
    """Answer a message as NPHIES and the payer behind it would."""
    try:
        envelope = open_envelope(parse(data))
        submission = read_submission(envelope)
    except DomainError as fault:
        return operation_outcome(_faults_of(fault))
    if envelope.event not in CLAIM_EVENTS:
        return operation_outcome([_wrong_event(envelope)])
    hub = ctx.acting_for(HUB)
    sent = _Sent(storage.digest(data), _keys(ctx, envelope))
    faults, kept = await _known(hub, envelope, sent)
    if kept is not None:
        return kept
    config: Config = ctx.config
    if not faults and config.strictness == "full":
        faults = [*await sender_faults(ctx, envelope), *check(envelope)]
    if faults:
        return refused(envelope, faults, _NPHIES, ctx.clock, _ids())
    made = await answer(ctx, envelope, submission, _NPHIES)
    return await _remember(hub, sent, made)


def _faults_of(fault: DomainError) -> list[BrokenRule]:
    if isinstance(fault, BrokenMessage):
        return [BrokenRule(one.code, one.path, one.detail, one.detail_ar) for one in fault.errors]
    return [BrokenRule("GE-00013", "Bundle", fault.detail, fault.detail_ar)]


def _wrong_event(envelope: Envelope) -> BrokenRule:
    path = f"{envelope.header.path}.eventCoding.code"
    detail, detail_ar = f"{envelope.event} is not taken here", f"الحدث {envelope.event} غير مقبول هنا"
    return BrokenRule("BV-00545", path, detail, detail_ar)


def _ids() -> MessageIds:
    return MessageIds(new_id(), new_id(), new_id())


class _Sent(NamedTuple):
    """A message as it came: its hash, and what it is known by."""

    sha256: bytes
    keys: tuple[str, str, str, str, str]


def _keys(ctx: Context, envelope: Envelope) -> tuple[str, str, str, str, str]:
    """Return whose message it is, as a certificate would say, its ids and its business identifier."""
    numbers = envelope.focus.children("identifier") if envelope.focus is not None else []
    system, value = (numbers[0].text("system") or "", numbers[0].text("value") or "") if numbers else ("", "")
    return str(ctx.principal.organization_id), envelope.bundle_id, envelope.header_id, system, value


async def _known(hub: Context, envelope: Envelope, sent: _Sent) -> tuple[list[BrokenRule], bytes | None]:
    """Return the kept answer to the same content, or what forbids these ids for other content."""
    async with hub.transaction(read_only=True) as tx:
        rows = await queries.remembered(tx, HUB, sent.keys)
    for row in rows:
        if row["sha256"] == sent.sha256:
            return [], _opened(hub, row)
    return [_reused(envelope, row) for row in rows], None


def _reused(envelope: Envelope, row: Any) -> BrokenRule:
    if row["bundle_id"] == envelope.bundle_id:
        words = "this Bundle.id came before with other content", "ورد معرّف الحزمة هذا سابقاً بمحتوى آخر"
        return BrokenRule("BV-00533", "Bundle.id", *words)
    if row["header_id"] == envelope.header_id:
        words = "this MessageHeader.id came before with other content", "ورد معرّف MessageHeader هذا سابقاً بمحتوى آخر"
        return BrokenRule("BV-00532", f"{envelope.header.path}.id", *words)
    words = "this identifier came before with other content", "ورد رقم المطالبة هذا سابقاً بمحتوى آخر"
    focus = envelope.focus.path if envelope.focus is not None else "Bundle"
    return BrokenRule("BV-00163", f"{focus}.identifier", *words)


async def _remember(hub: Context, sent: _Sent, made: bytes) -> bytes:
    """Keep the answer, so that a message that is sent again gets the same one."""
    key = new_id()
    async with hub.transaction() as tx:
        sealed = hub.vault.seal(HUB, _label(key), made)
        row = (HUB, key, *sent.keys, sent.sha256, sealed, hub.clock.now())
        if await queries.remember(tx, row):
            return made
        return await _first(hub, tx, sent) or made


async def _first(hub: Context, tx: Transaction, sent: _Sent) -> bytes | None:
    """Return the answer that another send of the same message got meanwhile."""
    rows = await queries.remembered(tx, HUB, sent.keys)
    same = next((row for row in rows if row["sha256"] == sent.sha256), None)
    return _opened(hub, same) if same is not None else None


def _opened(hub: Context, row: Any) -> bytes:
    return hub.vault.open(HUB, _label(UUID(str(row["id"]))), bytes(row["answer"]))


def _label(key: UUID) -> str:
    return f"nphieslinc.simulator_inbox/{key}"
