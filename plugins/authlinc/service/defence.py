"""Guessing made slow: a try counts before its secret is looked at, whichever secret it is.

Passwords, codes and links of one account count together, so that no way in is a second bucket.
"""

from math import ceil
from uuid import UUID

from msgspec import Struct

from authlinc import queries
from authlinc.errors import LoginPaused
from authlinc.tables import LoginAttempt
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction


class Attempt(Struct, frozen=True):
    """A try that was counted, under the blind key of the address that was typed."""

    account: bytes


class Known(Struct, frozen=True):
    """The user whose account a try was for."""

    organization_id: UUID
    user_id: UUID


async def count(ctx: Context, account: bytes, action: str = "auth.login") -> Attempt:
    """Count a try before it is evaluated; raises LoginPaused, the same for accounts that are there and that are not."""
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
            return Attempt(account)
        until = await transaction.fetchval(queries.PAUSED_UNTIL, account)
        _audit(transaction, action, account, None, "paused")
    left = 1 if until is None else max(1, ceil((until - now).total_seconds()))
    raise LoginPaused(headers={"Retry-After": str(left)})


async def refused(ctx: Context, attempt: Attempt, user: Known | None, reason: str, action: str = "auth.login") -> None:
    """Write down that a counted try failed; of an unknown account only its blind key."""
    async with ctx.transaction() as transaction:
        _audit(transaction, action, attempt.account, user, reason)


async def forget(transaction: Transaction, attempt: Attempt) -> None:
    """Begin anew with an account whose owner is in."""
    await transaction.execute(queries.FORGET_ATTEMPTS, attempt.account)


async def forget_old(ctx: Context) -> None:
    """Delete the counts that no longer count."""
    since = ctx.clock.now() - ctx.config.forget
    async with ctx.transaction():
        await LoginAttempt.delete().where(
            LoginAttempt.last_at < since, LoginAttempt.paused_until.is_null() | (LoginAttempt.paused_until < since)
        )


def _audit(transaction: Transaction, action: str, account: bytes, user: Known | None, reason: str) -> None:
    who = f"account:{account.hex()}" if user is None else ids.show("USR", user.user_id)
    organization = None if user is None else user.organization_id
    transaction.audit(action, "user", who, organization_id=organization, outcome="refused", detail={"reason": reason})
