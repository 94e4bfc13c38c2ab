"""Signing in: one answer and one duration for every way that it can fail."""

from math import ceil
from typing import Any
from uuid import UUID

from authlinc import queries
from authlinc.contract import UserLoggedIn
from authlinc.errors import LoginPaused, LoginRefused
from authlinc.service import emails
from authlinc.service.sessions import Holder, Tokens, open_session
from authlinc.service.state import state_of
from authlinc.tables import LoginAttempt, UserAccount
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Actor, Transaction
from masterlinc.security.passwords import normalize


async def login(ctx: Context, email: str, password: str) -> Tokens:
    """Open a session; raises Invalid, LoginRefused, LoginPaused, or Unavailable when too many sign in at once.

    Wrong tries are counted by address, known or unknown, before they are evaluated. No more are under way at once in a
    process than passwords are hashed at once, so the owner's own parallel logins are not taken for wrong ones.
    """
    passwords = state_of(ctx).passwords
    folded, _ = emails.fold_email(email), normalize(password)
    account = emails.email_index(ctx, folded)
    async with passwords.admitted():
        user = await _count_and_find(ctx, account)
        verdict = await passwords.check(user["password_hash"] if user else None, password)
        if user is None or not verdict.fits or user["disabled_at"]:
            await _refuse(ctx, account, user)
            raise LoginRefused
        new_hash = await passwords.hash(password) if verdict.outdated else None
        return await _sign_in(ctx, account, user, folded, new_hash)


async def forget_attempts(ctx: Context) -> None:
    """Delete the counts that no longer count."""
    since = ctx.clock.now() - ctx.config.forget
    async with ctx.transaction():
        await LoginAttempt.delete().where(
            LoginAttempt.last_at < since, LoginAttempt.paused_until.is_null() | (LoginAttempt.paused_until < since)
        )


async def _count_and_find(ctx: Context, account: bytes) -> Any:
    """Count a try and find the user, if there is one; raises LoginPaused."""
    config, now = ctx.config, ctx.clock.now()
    async with ctx.transaction() as transaction:
        counted = await transaction.fetchval(
            queries.COUNT_ATTEMPT,
            account,
            now,
            config.failures_before_pause,
            config.pause_seconds,
            config.longest_pause_seconds,
            now - config.forget,
        )
        if counted is not None:
            return await transaction.fetchrow(queries.FIND_LOGIN, account)
        until = await transaction.fetchval(queries.PAUSED_UNTIL, account)
        _audit_refusal(transaction, account, None, "paused")
    left = 1 if until is None else max(1, ceil((until - now).total_seconds()))
    raise LoginPaused(headers={"Retry-After": str(left)})


async def _refuse(ctx: Context, account: bytes, user: Any) -> None:
    async with ctx.transaction() as transaction:
        reason = "unknown" if user is None else "disabled" if user["disabled_at"] else "password"
        _audit_refusal(transaction, account, user, reason)


def _audit_refusal(transaction: Transaction, account: bytes, user: Any, reason: str) -> None:
    """Write who was tried; of an unknown address only its blind key, which tells what tries belong together."""
    who = f"account:{account.hex()}" if user is None else ids.show("USR", user["id"])
    organization: UUID | None = None if user is None else user["organization_id"]
    transaction.audit(
        "auth.login", "user", who, organization_id=organization, outcome="refused", detail={"reason": reason}
    )


async def _sign_in(ctx: Context, account: bytes, user: Any, email: str, new_hash: str | None) -> Tokens:
    organization, user_id = user["organization_id"], user["id"]
    holder = Holder(organization, user_id, email, tuple(user["roles"]))
    actor = Actor(user_id, "user", None, ctx.trace_id)
    async with ctx.db.transaction(frozenset({organization}), actor=actor) as transaction:
        await transaction.execute(queries.FORGET_ATTEMPTS, account)
        if new_hash is not None:
            await UserAccount.update({UserAccount.password_hash: new_hash}).where(
                UserAccount.organization_id == organization, UserAccount.id == user_id
            )
        session_id, tokens = await open_session(ctx, transaction, holder)
        transaction.audit("auth.login", "session", str(session_id), organization_id=organization)
        event = UserLoggedIn(user_id, organization)
        transaction.publish(event, aggregate=user_id, organization_id=organization)
    return tokens
