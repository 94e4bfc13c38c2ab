"""A provider gives back what it has not used of an authorization: the rest is released, and it stays cancelled."""

from claimlinc import authorization_queries as queries
from claimlinc.authorization_queries import Entry, Posting
from claimlinc.authorization_schemas import AuthorizationDetail, AuthorizationStatus
from claimlinc.service.authorization_reading import detail, provided
from claimlinc.service.authorization_states import Event, after
from claimlinc.service.authorizing import PREFIX, audit
from masterlinc import ids
from masterlinc.context import Context


async def cancel(ctx: Context, reference: str) -> AuthorizationDetail:
    """Cancel an authorization that is for the caller; raises NotFound, NotTheProvider, AuthorizationStateRefused."""
    authorization_id, now = ids.parse(PREFIX, reference), ctx.clock.now()
    async with ctx.transaction() as tx:
        payer = (await provided(ctx, tx, reference))["organization_id"]
    async with ctx.transaction(frozenset({payer})) as tx:  # the rows are the payer's, the audit names who did it
        head = await queries.lock(tx, payer, authorization_id)
        status = after(AuthorizationStatus(head["status"]), Event.CANCEL)
        entries = [
            Entry(
                row["sequence"],
                row["quantity_granted"] - row["quantity_used"],
                row["amount_granted"] - row["amount_used"],
            )
            for row in await queries.lines(tx, payer, [authorization_id])
        ]
        posting = Posting(payer, authorization_id, authorization_id, "release", head["provider_organization_id"])
        await queries.post(tx, posting, entries, now)
        await queries.move(tx, payer, authorization_id, status.value, head["valid_to"], now)
        audit(tx, head, f"authorization.{Event.CANCEL.value}", status)
    async with ctx.transaction() as tx:
        return await detail(ctx, tx, await queries.seen(tx, authorization_id))
