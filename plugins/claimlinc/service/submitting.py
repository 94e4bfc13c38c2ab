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
    minutes = ctx.config.estimated_minutes

    def told(claim: RecordedClaim) -> Answer:
        view = SubmittedView(claim.claim_id, claim.status.value, claim.submitted_at, minutes)
        return Answer(_KNOWN if claim.duplicate else _CREATED, wire.encode(view))

    return told(await record(ctx, entry)) if key is None else await record_once(ctx, entry, key, told)
