"""Recording a claim: one call of the database that commits its rows, workflow, event and audit row together."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from claimlinc import queries
from claimlinc.contract import (
    ClaimStatus,
    ClaimSubmission,
    ClaimSubmitted,
    RecordClaim,
    RecordedClaim,
)
from claimlinc.corrections import corrects
from claimlinc.errors import ClaimNumberTaken
from claimlinc.research_terms import GENDERS, band_of
from claimlinc.service import linking, references
from claimlinc.service.checking import check_submission
from claimlinc.service.snapshot import Snapshot, seal, seal_attachments
from claimlinc.service.workflow import CLAIM, CLAIM_NAME
from masterlinc import idempotency, ids, wire
from masterlinc.context import Context
from masterlinc.db import Actor
from masterlinc.db.engine import CURRENT
from masterlinc.db.transaction import Transaction
from masterlinc.idempotency import Answer, RequestKey
from masterlinc.money import Money, Quantity


class Entry(Struct, frozen=True):
    """A claim to be recorded; `content` is what a repeated submission is known by."""

    organization_id: UUID
    snapshot: Snapshot
    content: bytes
    payer_organization_id: UUID | None = None


async def record_claim(ctx: Context, request: RecordClaim) -> RecordedClaim:
    """Record a submission of the caller's organization; sent again it answers the first claim."""
    submission = request.submission
    payer = await references.find_payer(ctx, submission.payer_license)
    organization = ctx.principal.organization_id
    entry = Entry(
        organization_id=organization,
        snapshot=Snapshot(submission),
        content=digest(ctx, organization, submission),
        payer_organization_id=payer.organization_id,
    )
    return await record(ctx, entry)


def digest(ctx: Context, organization: UUID, content: Struct) -> bytes:
    """Return 16 bytes that are equal for equal content; of a submission, for what its sender chose to say."""
    if isinstance(content, ClaimSubmission):
        content = replace(content, created=date.min, message_id=None, patient_id=None)
    return ctx.vault.blind(organization, "claim.content", wire.dump(content))


async def record(ctx: Context, entry: Entry) -> RecordedClaim:
    """Write an entry in the open transaction, or by itself in one round trip."""
    if corrects(entry.snapshot.submission):
        async with ctx.transaction() as tx:
            return await _record_linked(ctx, tx, entry)
    return await _record(ctx, entry)


async def _record(ctx: Context, entry: Entry) -> RecordedClaim:
    new = _new(ctx, entry)
    row = await queries.submit(ctx.db, entry.organization_id, _arguments(ctx, entry, new))
    _wake(ctx)
    return _recorded(row)


async def _record_linked(ctx: Context, tx: Transaction, entry: Entry) -> RecordedClaim:
    """Record a correction together with what it corrects."""
    organization = entry.organization_id
    old = await linking.check(tx, organization, entry.snapshot.submission, entry.payer_organization_id)
    recorded = await _record(ctx, entry)
    if not recorded.duplicate:
        await linking.link(ctx, tx, organization, ids.parse("CLM", recorded.claim_id), old)
    return recorded


async def record_once(ctx: Context, entry: Entry, key: RequestKey, told: Callable[[RecordedClaim], Answer]) -> Answer:
    """Write an entry and keep its answer under the key, in the same round trip; raises KeyReused, KeyInFlight."""
    if corrects(entry.snapshot.submission):
        return await ctx.run(lambda tx: _record_linked_once(ctx, tx, entry, key, told))
    new = _new(ctx, entry)
    answer = told(RecordedClaim(ids.show("CLM", new.claim_id), ClaimStatus.PENDING, new.submitted_at))
    kept, arguments = idempotency.values(ctx, key, answer), _arguments(ctx, entry, new)
    row = await queries.submit_once(ctx.db, {entry.organization_id, key.organization_id}, kept, arguments)
    before = idempotency.kept(ctx, key, row)
    if before is not None:
        return before
    _wake(ctx)
    recorded = _recorded(row)
    return told(recorded) if recorded.duplicate else answer


async def _record_linked_once(
    ctx: Context, tx: Transaction, entry: Entry, key: RequestKey, told: Callable[[RecordedClaim], Answer]
) -> Answer:
    before = await idempotency.take(ctx, tx, key)
    if before is not None:
        return before
    answer = told(await _record_linked(ctx, tx, entry))
    await idempotency.keep(ctx, tx, key, answer)
    return answer


class _New(NamedTuple):
    claim_id: UUID
    submitted_at: datetime


def _new(ctx: Context, entry: Entry) -> _New:
    check_submission(entry.snapshot.submission, ctx.config.max_lines)
    return _New(ids.new_id(), ctx.clock.now())


def _wake(ctx: Context) -> None:
    """Have the workflow begin once it is committed."""
    transaction = CURRENT.get()
    if transaction is None:
        ctx.services.after_commit()
    else:
        transaction.on_commit(ctx.services.after_commit)


def _recorded(row: Any) -> RecordedClaim:
    if not row["same"]:
        raise ClaimNumberTaken(extra={"claim_id": ids.show("CLM", row["claim_id"])})
    return RecordedClaim(
        claim_id=ids.show("CLM", row["claim_id"]),
        status=ClaimStatus(row["claim_status"]),
        submitted_at=row["recorded_at"],
        duplicate=row["duplicate"],
    )


def _arguments(ctx: Context, entry: Entry, new: _New) -> list[Any]:
    claim_id, organization, submission = new.claim_id, entry.organization_id, entry.snapshot.submission
    actor = ctx.actor
    return [
        wire.dump(_document(entry, new, actor)),
        seal(ctx.vault, organization, claim_id, entry.snapshot),
        seal_attachments(ctx.vault, organization, claim_id, submission.attachments),
        ctx.services.registry.plan_texts[CLAIM_NAME],
        actor.id,
        actor.kind,
        actor.session_id,
        actor.trace_id,
    ]


def _document(entry: Entry, new: _New, actor: Actor) -> dict[str, Any]:
    submission, organization, claim_id = entry.snapshot.submission, entry.organization_id, new.claim_id
    first, last = _period(submission)
    document: dict[str, Any] = {
        "id": claim_id,
        "organization_id": organization,
        "payer_organization_id": entry.payer_organization_id,
        "claim_type": submission.claim_type,
        "use": submission.use,
        "sub_type": submission.sub_type,
        "identifier_system": submission.identifier.system,
        "identifier_value": submission.identifier.value,
        "content": entry.content.hex(),
        "total": submission.total,
        "submitted_at": new.submitted_at,
        "patient_id": submission.patient_id,
        "provider_license": submission.provider_license,
        "payer_license": submission.payer_license,
        "service_start": first,
        "service_end": last,
        "age_band": band_of(submission.subject.birth_date, first),
        "gender": submission.subject.gender if submission.subject.gender in GENDERS else None,
        "message_id": submission.message_id,
        "workflow_id": ids.new_id(),
        "workflow": CLAIM_NAME,
        "workflow_version": CLAIM.version,
        "events": [_event(claim_id, organization)],
        "audits": [_audit(claim_id, organization, submission) | msgspec.to_builtins(actor.source)],
    }
    return document | _children(submission)


def _period(submission: ClaimSubmission) -> tuple[date, date]:
    days = [day for line in submission.lines for day in (line.service_date, line.service_end) if day]
    return (min(days), max(days)) if days else (submission.created, submission.created)


class _LineRow(Struct, frozen=True):
    sequence: int
    system: str
    code: str
    quantity: Quantity
    unit_price: Money
    factor: Quantity
    tax: Money
    net: Money
    service_date: date | None


def _children(submission: ClaimSubmission) -> dict[str, Any]:
    rows: dict[str, Any] = {
        "lines": [
            _LineRow(
                line.sequence,
                line.codes[0].system,
                line.codes[0].code,
                line.quantity,
                line.unit_price,
                line.factor,
                line.tax,
                line.net,
                line.service_date,
            )
            for line in submission.lines
        ],
        "diagnoses": submission.diagnoses,
        "supporting_info": [
            {"sequence": info.sequence, "category": info.category, "code": info.code.code if info.code else None}
            for info in submission.supporting_info
        ],
        "care_team": submission.care_team,
        "related": [
            {
                "position": position,
                "system": one.identifier.system,
                "value": one.identifier.value,
                "relationship": one.relationship,
            }
            for position, one in enumerate(submission.related, start=1)
        ],
    }
    return {name: found for name, found in rows.items() if found}


def _event(claim_id: UUID, organization: UUID) -> dict[str, Any]:
    return {
        "id": ids.new_id(),
        "organization_id": organization,
        "name": ClaimSubmitted.__struct_config__.tag,
        "aggregate": claim_id,
        "payload": msgspec.to_builtins(ClaimSubmitted(claim_id=claim_id, organization_id=organization)),
    }


def _audit(claim_id: UUID, organization: UUID, submission: ClaimSubmission) -> dict[str, Any]:
    return {
        "id": ids.new_id(),
        "organization_id": organization,
        "action": "claim.submit",
        "resource": "claim",
        "resource_id": ids.show("CLM", claim_id),
        "patient": submission.patient_id,
        "outcome": "ok",
        "detail": {},
    }
