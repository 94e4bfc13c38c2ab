"""Sessions: opened by a login, kept by refresh tokens that are used once, ended by logout, reuse or disabling."""

import base64
import hashlib
import re
import secrets
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from authlinc import queries
from authlinc.contract import SessionRevoked
from authlinc.errors import RefreshRefused
from authlinc.service import emails
from authlinc.service.signing import MARGIN, signing_key
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.security.tokens import LEEWAY, Realm, Subject, issue

_PREFIX = "mlr_"
_SHAPE = re.compile(r"mlr_([A-Za-z0-9_-]{64})", re.ASCII)
_SECRET_BYTES = 32


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


class _Refresh(Struct, frozen=True):
    """A refresh token, taken apart: it names its organization, so that it is looked for in that scope only."""

    organization_id: UUID
    digest: bytes


async def open_session(ctx: Context, transaction: Transaction, holder: Holder) -> tuple[UUID, Tokens]:
    """Open a session in the given transaction; returns its key and first tokens."""
    now, session_id = ctx.clock.now(), ids.new_id()
    ends = now + ctx.config.absolute
    token = _new_refresh_token(holder.organization_id)
    await transaction.execute(
        queries.OPEN_SESSION,
        holder.organization_id,
        session_id,
        holder.user_id,
        now,
        ends,
        _parse(token).digest,
        min(ends, now + ctx.config.idle),
    )
    return session_id, await _tokens(ctx, holder, session_id, ends, token)


async def refresh(ctx: Context, token: str) -> Tokens:
    """Trade a refresh token for new tokens, once; a second time ends its session. Raises RefreshRefused."""
    presented = _parse(token)

    async def work(transaction: Transaction) -> Tokens | None:
        return await _refresh(ctx, transaction, presented)

    tokens = await ctx.run(work, frozenset({presented.organization_id}))
    if tokens is None:
        raise RefreshRefused  # after the commit: what was found out stays
    return tokens


async def end_session(
    ctx: Context, transaction: Transaction, organization_id: UUID, session_id: UUID, why: str
) -> None:
    """End a session, with its refresh tokens and, after the commit, its access tokens."""
    ended = await transaction.fetchval(queries.END_SESSION, organization_id, session_id, ctx.clock.now(), why)
    await revoke(ctx, transaction, [session_id])
    if ended is not None:
        event = SessionRevoked(session_id, organization_id)
        transaction.publish(event, aggregate=session_id, organization_id=organization_id)


async def revoke(ctx: Context, transaction: Transaction, sessions: list[UUID]) -> None:
    """Refuse the access tokens of these sessions until the last of them has expired."""
    until = ctx.clock.now() + ctx.config.access + LEEWAY + MARGIN
    await ctx.services.revocations.revoke(transaction, sessions, until)


async def logout(ctx: Context) -> None:
    """End the session of the caller's own token."""
    who = ctx.principal
    async with ctx.transaction() as transaction:
        await end_session(ctx, transaction, who.organization_id, who.session_id, "logout")
        transaction.audit("auth.logout", "session", str(who.session_id), organization_id=who.organization_id)


async def _refresh(ctx: Context, transaction: Transaction, presented: _Refresh) -> Tokens | None:
    organization, now = presented.organization_id, ctx.clock.now()
    used = await transaction.fetchrow(queries.USE_REFRESH, organization, presented.digest, now)
    if used is None:
        await _notice_reuse(ctx, transaction, presented)
        return None
    session_id = used["session_id"]
    session = await transaction.fetchrow(queries.LOCK_SESSION, organization, session_id)
    over = session["ended_at"] or session["disabled_at"] or min(used["expires_at"], session["expires_at"]) <= now
    if over:
        _audit_refusal(transaction, organization, str(session_id), "session over")
        return None
    user = session["user_id"]
    email = emails.open_email(ctx, organization, user, session["email"])
    token, ends = _new_refresh_token(organization), session["expires_at"]
    expires = min(ends, now + ctx.config.idle)
    await transaction.execute(queries.ADD_REFRESH, organization, session_id, _parse(token).digest, expires)
    transaction.audit("auth.refresh", "session", str(session_id), organization_id=organization)
    return await _tokens(ctx, Holder(organization, user, email, tuple(session["roles"])), session_id, ends, token)


async def _notice_reuse(ctx: Context, transaction: Transaction, presented: _Refresh) -> None:
    """End the family of a token that was used before: thief and owner cannot be told apart (RFC 9700)."""
    organization = presented.organization_id
    session_id = await transaction.fetchval(queries.SESSION_OF_REFRESH, organization, presented.digest)
    if session_id is None:  # the organization is only what the caller wrote
        _audit_refusal(transaction, None, f"token:{presented.digest.hex()[:16]}", "unknown")
        return
    await end_session(ctx, transaction, organization, session_id, "reuse")
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


def _new_refresh_token(organization_id: UUID) -> str:
    return _PREFIX + base64.urlsafe_b64encode(organization_id.bytes + secrets.token_bytes(_SECRET_BYTES)).decode()


def _parse(token: str) -> _Refresh:
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        raise RefreshRefused
    inside = base64.urlsafe_b64decode(shape[1])
    return _Refresh(UUID(bytes=inside[:16]), hashlib.sha256(token.encode()).digest())
