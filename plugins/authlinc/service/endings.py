"""The ends of sessions: refresh tokens stop with the transaction, access tokens with its commit, in every process."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from authlinc import queries
from authlinc.contract import SessionRevoked
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.security.tokens import LEEWAY

Why = Literal["logout", "reuse", "disabled", "limit", "closed", "admin", "password", "roles"]
MARGIN = timedelta(seconds=60)  # clocks of other processes


async def end_session(
    ctx: Context, transaction: Transaction, organization_id: UUID, session_id: UUID, why: Why
) -> bool:
    """End a session; False where it is over already. Its access tokens are refused in any case."""
    ended = await transaction.fetchval(queries.END_SESSION, organization_id, session_id, ctx.clock.now(), why)
    await _revoke(ctx, transaction, organization_id, [session_id], tell=ended is not None)
    return ended is not None


async def end_sessions_of(
    ctx: Context, transaction: Transaction, organization_id: UUID, user_id: UUID, why: Why, *, keep: UUID | None = None
) -> int:
    """End all sessions of a user but the one to keep; returns how many there were."""
    rows = await transaction.fetch(queries.END_SESSIONS_OF, organization_id, user_id, ctx.clock.now(), why, keep)
    await _revoke(ctx, transaction, organization_id, [row["id"] for row in rows])
    return len(rows)


async def end_sessions_in(ctx: Context, transaction: Transaction, organization_id: UUID, why: Why) -> int:
    """End all sessions of an organization's users; returns how many there were."""
    rows = await transaction.fetch(queries.END_SESSIONS_IN, organization_id, ctx.clock.now(), why)
    await _revoke(ctx, transaction, organization_id, [row["id"] for row in rows])
    return len(rows)


async def end_beyond_limit(ctx: Context, transaction: Transaction, organization_id: UUID, user_id: UUID) -> None:
    """End the sessions that were used longest ago, where a user has more than the limit."""
    rows = await transaction.fetch(
        queries.END_BEYOND_LIMIT, organization_id, user_id, ctx.clock.now(), ctx.config.sessions_per_user
    )
    await _revoke(ctx, transaction, organization_id, [row["id"] for row in rows])


async def _revoke(
    ctx: Context, transaction: Transaction, organization_id: UUID, sessions: list[UUID], *, tell: bool = True
) -> None:
    """Refuse the access tokens of these sessions until the last of them has expired."""
    until = ctx.clock.now() + ctx.config.longest_access + LEEWAY + MARGIN
    await ctx.services.revocations.revoke(transaction, sessions, until)
    if sessions:
        await transaction.execute(queries.END_EMERGENCIES_OF, organization_id, sessions, ctx.clock.now())
    for key in sessions if tell else ():
        transaction.publish(SessionRevoked(key, organization_id), aggregate=key, organization_id=organization_id)
