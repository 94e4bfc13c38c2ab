"""What other agents may ask of the users of an organization: whether one may do something, and nothing else."""

from authlinc import queries
from authlinc.contract import AskColleague, Colleague
from masterlinc.context import Context


async def ask_colleague(ctx: Context, request: AskColleague) -> Colleague:
    """Say whether a user of the caller's organization, who may sign in, holds a permission."""
    async with ctx.transaction() as tx:
        row = await tx.fetchrow(queries.USER, ctx.principal.organization_id, request.user_id)
    if row is None or row["disabled_at"] is not None:
        return Colleague(may=False)
    return Colleague(may=request.permission in ctx.services.verifier.rbac.permissions_of(row["roles"]))
