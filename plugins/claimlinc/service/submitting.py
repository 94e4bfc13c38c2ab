"""A claim that was keyed into a form: recorded and answered, once a request's key."""

from claimlinc.contract import RecordedClaim
from claimlinc.schemas import ClaimForm, SubmittedView
from claimlinc.service.intake import prepare
from claimlinc.service.recording import record, record_once
from masterlinc import wire
from masterlinc.context import Context
from masterlinc.idempotency import Answer, RequestKey

_CREATED, _KNOWN = 201, 200


async def submit(ctx: Context, form: ClaimForm, key: RequestKey | None) -> Answer:
    """Record a claim and tell its number; raises ClaimInvalid with every fault."""
    entry = await prepare(ctx, form)
    if key is None:
        return told(ctx, await record(ctx, entry))
    return await record_once(ctx, entry, key, lambda claim: told(ctx, claim))


def told(ctx: Context, claim: RecordedClaim) -> Answer:
    """Return what the submitter of a recorded claim is answered."""
    view = SubmittedView(claim.claim_id, claim.status.value, claim.submitted_at, ctx.config.estimated_minutes)
    return Answer(_KNOWN if claim.duplicate else _CREATED, wire.encode(view))
