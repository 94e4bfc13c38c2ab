"""Sessions: opened by a login, kept by refresh tokens that are used once, ended by logout, reuse or disabling."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from authlinc import queries
from authlinc.contract import SessionReused
from authlinc.errors import RefreshRefused
from authlinc.service import emails, opaque
from authlinc.service.endings import end_beyond_limit, end_session
from authlinc.service.opaque import REFRESH, Opaque
from authlinc.service.signing import signing_key
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.security.tokens import Realm, Subject, issue


class Holder(Struct, frozen=True):
    """Whom tokens are issued to."""

    organization_id: UUID
    user_id: UUID
    email: str
    roles: tuple[str, ...]


class Tokens(Struct, frozen=True):
    """A pair of tokens and their holder."""

    holder: Holder
    access_token: str
    expires_in: int
    refresh_token: str


async def open_session(ctx: Context, transaction: Transaction, holder: Holder, opened_by: str) -> tuple[UUID, Tokens]:
    """Open a session in the given transaction, which locks the user's row; returns its key and first tokens."""
    now, session_id = ctx.clock.now(), ids.new_id()
    ends = now + ctx.config.absolute
    token = opaque.new_token(REFRESH, holder.organization_id)
    await transaction.execute(
        queries.OPEN_SESSION,
        holder.organization_id,
        session_id,
        holder.user_id,
        now,
        ends,
        opaque.digest(token),
        min(ends, now + ctx.config.idle),
        opened_by,
        ctx.address,
    )
    await end_beyond_limit(ctx, transaction, holder.organization_id, holder.user_id)
    return session_id, await _tokens(ctx, holder, session_id, ends, token)


async def refresh(ctx: Context, token: str) -> Tokens:
    """Trade a refresh token for new tokens, once; a second time ends its session. Raises RefreshRefused."""
    presented = opaque.read_token(REFRESH, token)
    if presented is None:
        raise RefreshRefused

    async def work(transaction: Transaction) -> Tokens | None:
        return await _refresh(ctx, transaction, presented)

    tokens = await ctx.run(work, frozenset({presented.organization_id}))
    if tokens is None:
        raise RefreshRefused  # after the commit: what was found out stays
    return tokens


async def logout(ctx: Context) -> None:
    """End the session of the caller's own token."""
    who = ctx.principal
    async with ctx.transaction(frozenset({who.home})) as transaction:
        await end_session(ctx, transaction, who.home, who.session_id, "logout")
        transaction.audit("auth.logout", "session", str(who.session_id), organization_id=who.home)


async def _refresh(ctx: Context, transaction: Transaction, presented: Opaque) -> Tokens | None:
    organization, now = presented.organization_id, ctx.clock.now()
    used = await transaction.fetchrow(queries.USE_REFRESH, organization, presented.digest, now)
    if used is None:
        await _notice_reuse(ctx, transaction, presented)
        return None
    session_id = used["session_id"]
    session = await transaction.fetchrow(queries.LOCK_SESSION, organization, session_id)
    barred = session["disabled_at"] or session["organization_disabled_at"]
    over = barred or session["ended_at"] or min(used["expires_at"], session["expires_at"]) <= now
    if over:
        _audit_refusal(transaction, organization, str(session_id), "session over")
        return None
    user = session["user_id"]
    email = emails.open_email(ctx, organization, user, session["email"])
    token, ends = opaque.new_token(REFRESH, organization), session["expires_at"]
    expires = min(ends, now + ctx.config.idle)
    await transaction.execute(queries.ADD_REFRESH, organization, session_id, opaque.digest(token), expires, now)
    transaction.audit("auth.refresh", "session", str(session_id), organization_id=organization)
    return await _tokens(ctx, Holder(organization, user, email, tuple(session["roles"])), session_id, ends, token)


async def _notice_reuse(ctx: Context, transaction: Transaction, presented: Opaque) -> None:
    """End the family of a token that was used before: thief and owner cannot be told apart (RFC 9700)."""
    organization = presented.organization_id
    session_id = await transaction.fetchval(queries.SESSION_OF_REFRESH, organization, presented.digest)
    if session_id is None:  # the organization is only what the caller wrote
        _audit_refusal(transaction, None, f"token:{presented.digest.hex()[:16]}", "unknown")
        return
    if await end_session(ctx, transaction, organization, session_id, "reuse"):
        alert = SessionReused(session_id, organization)
        transaction.publish(alert, aggregate=session_id, organization_id=organization)
    _audit_refusal(transaction, organization, str(session_id), "reuse")


def _audit_refusal(transaction: Transaction, organization_id: UUID | None, session: str, reason: str) -> None:
    detail = {"reason": reason}
    transaction.audit(
        "auth.refresh", "session", session, organization_id=organization_id, outcome="refused", detail=detail
    )


async def _tokens(ctx: Context, holder: Holder, session_id: UUID, ends: datetime, refresh_token: str) -> Tokens:
    now, security = ctx.clock.now(), ctx.settings.security
    life = min(ctx.config.access, ends - now)
    access_token = issue(
        await signing_key(ctx),
        Realm(security.issuer, security.audience),
        Subject(holder.user_id, holder.organization_id, session_id, holder.roles),
        now=now,
        life=life,
    )
    return Tokens(holder, access_token, int(life.total_seconds()), refresh_token)
