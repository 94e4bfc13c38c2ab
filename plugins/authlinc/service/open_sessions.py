"""The sessions that are open: seen and ended by whose they are, and by those who manage them."""

from uuid import UUID

from authlinc import queries
from authlinc.schemas import SessionView
from authlinc.service.endings import Why, end_session, end_sessions_of
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound


async def list_sessions(ctx: Context, user_id: UUID) -> list[SessionView]:
    """Return the open sessions of a user of the organization, the one used last first; raises NotFound."""
    who = ctx.principal
    async with ctx.transaction(read_only=True) as transaction:
        await _require_user(transaction, who.organization_id, user_id)
        rows = await transaction.fetch(queries.OPEN_SESSIONS, who.organization_id, user_id, ctx.clock.now())
    return [
        SessionView(
            session_id=ids.show("SES", row["id"]),
            opened_at=row["created_at"],
            refreshed_at=row["refreshed_at"],
            expires_at=row["expires_at"],
            opened_by=row["opened_by"],
            address=row["address"] or None,
            current=row["id"] == who.session_id,
        )
        for row in rows
    ]


async def close_session(ctx: Context, session_id: UUID, why: Why, *, of: UUID | None = None) -> None:
    """End a session of the organization's users, or of one of them; raises NotFound where none is open."""
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        owner: UUID | None = await transaction.fetchval(queries.OWNER_OF_SESSION, home, session_id)
        if owner is None or of not in {None, owner}:
            raise NotFound
        if not await end_session(ctx, transaction, home, session_id, why):
            raise NotFound
        _audit(transaction, home, owner, ids.show("SES", session_id))


async def close_sessions(ctx: Context, user_id: UUID, why: Why, *, keep: UUID | None = None) -> int:
    """End all sessions of a user but the one to keep; raises NotFound."""
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        await _require_user(transaction, home, user_id)
        ended = await end_sessions_of(ctx, transaction, home, user_id, why, keep=keep)
        _audit(transaction, home, user_id, f"{ended} sessions")
    return ended


async def _require_user(transaction: Transaction, home: UUID, user_id: UUID) -> None:
    if await transaction.fetchval(queries.IS_USER, home, user_id) is None:
        raise NotFound


def _audit(transaction: Transaction, home: UUID, user_id: UUID, what: str) -> None:
    detail = {"ended": what}
    transaction.audit("session.end", "user", ids.show("USR", user_id), organization_id=home, detail=detail)
