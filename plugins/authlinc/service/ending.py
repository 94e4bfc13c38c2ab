"""The end of what a user is signed in to, at a change of how they sign in."""

from uuid import UUID

from authlinc import factor_queries as queries
from authlinc.contract import SessionRevoked
from authlinc.service.sessions import revoke
from masterlinc.context import Context
from masterlinc.db import Transaction


async def end_sessions_of(
    ctx: Context, transaction: Transaction, organization_id: UUID, user_id: UUID, why: str, but: UUID | None = None
) -> None:
    """End the sessions that a user has open, all but one where one is named."""
    rows = await transaction.fetch(queries.END_SESSIONS, organization_id, user_id, ctx.clock.now(), why, but)
    ended = [row["id"] for row in rows]
    await revoke(ctx, transaction, ended)
    for key in ended:
        transaction.publish(SessionRevoked(key, organization_id), aggregate=key, organization_id=organization_id)
