"""Guessing made slow: a try counts before its secret is looked at, whichever secret it is.

Passwords, codes and links of one account count together, so that no way in is a second bucket. A device that once held
a session of the account counts by itself, so that whoever guesses elsewhere does not keep the owner out.
"""

import hashlib
from datetime import datetime
from math import ceil
from uuid import UUID

from msgspec import Struct

from authlinc import queries
from authlinc.contract import Attack, LoginAttacked
from authlinc.errors import LoginPaused
from authlinc.service.opaque import REFRESH, read_token
from authlinc.service.origins import Origin, origin_of, password_key
from authlinc.tables import LoginAttempt, LoginSpread
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.security.passwords import normalize
from masterlinc.security.principal import NOBODY


class Attempt(Struct, frozen=True):
    """A try that was counted, under the blind key of the address that was typed."""

    account: bytes
    bucket: bytes = b""  # what it was counted by: the account, or one device that is known for it
    failed: int = 0  # how many times in a row, with this one


class Known(Struct, frozen=True):
    """The user whose account a try was for."""

    organization_id: UUID
    user_id: UUID


async def count(
    ctx: Context,
    account: bytes,
    action: str = "auth.login",
    *,
    device: str | None = None,
    session: UUID | None = None,
) -> Attempt:
    """Count a try before it is evaluated; raises LoginPaused, the same for accounts that are there and that are not.

    `device` is a refresh token of an earlier session, spent or not: it proves that its bearer was let in before.
    `session` is the one that the request itself belongs to.
    """
    now = ctx.clock.now()
    known = session or await _session_of_device(ctx, account, device, now)
    bucket = b"" if known is None else hashlib.sha256(b"device" + known.bytes).digest()[: len(account)]
    origin = None if bucket else origin_of(ctx)
    async with ctx.transaction() as transaction:
        until = await _paused_origin(transaction, origin, now)
        if until is None:
            failed = await _count(ctx, transaction, bucket or account, now)
            if failed is not None:
                return Attempt(account, bucket or account, failed)
            until = await transaction.fetchval(queries.PAUSED_UNTIL, bucket or account)
        _audit(transaction, action, account, None, "paused")
    left = 1 if until is None else max(1, ceil((until - now).total_seconds()))
    raise LoginPaused(headers={"Retry-After": str(left)})


async def refused(
    ctx: Context,
    attempt: Attempt,
    user: Known | None,
    reason: str,
    action: str = "auth.login",
    *,
    password: str | None = None,
) -> None:
    """Write down that a counted try failed, and tell when the tries look like an attack."""
    origin = origin_of(ctx) if attempt.bucket == attempt.account else None
    async with ctx.transaction() as transaction:
        _audit(transaction, action, attempt.account, user, reason)
        if attempt.failed == ctx.config.failures_before_pause:
            _alert(transaction, Attack.ACCOUNT, origin, user)
        if origin is not None:
            await _blame(ctx, transaction, attempt, origin)
        if password is not None:
            tried = password_key(ctx, normalize(password))
            if await _spread(ctx, transaction, tried, attempt) == ctx.config.spraying_accounts:
                _alert(transaction, Attack.PASSWORD, origin)


async def forget(transaction: Transaction, attempt: Attempt) -> None:
    """Begin anew with an account whose owner is in."""
    await transaction.execute(queries.FORGET_ATTEMPTS, attempt.bucket or attempt.account)


async def forget_old(ctx: Context) -> None:
    """Delete the counts that no longer count."""
    since = ctx.clock.now() - ctx.config.forget
    async with ctx.transaction():
        await LoginAttempt.delete().where(
            LoginAttempt.last_at < since, LoginAttempt.paused_until.is_null() | (LoginAttempt.paused_until < since)
        )
        await LoginSpread.delete().where(LoginSpread.last_at < since)


async def _session_of_device(ctx: Context, account: bytes, device: str | None, now: datetime) -> UUID | None:
    """Return the session that a device had with this account; None for a device that is not known for it."""
    presented = read_token(REFRESH, device) if device else None
    if presented is None:
        return None
    async with ctx.transaction(frozenset({presented.organization_id})) as transaction:
        session: UUID | None = await transaction.fetchval(
            queries.SESSION_OF_DEVICE,
            presented.organization_id,
            presented.digest,
            account,
            now - ctx.config.known_device,
        )
    return session


async def _paused_origin(transaction: Transaction, origin: Origin | None, now: datetime) -> datetime | None:
    if origin is None:
        return None
    until: datetime | None = await transaction.fetchval(
        queries.ORIGIN_PAUSED, [origin.address_key, origin.network_key], now
    )
    return until


async def _count(
    ctx: Context,
    transaction: Transaction,
    bucket: bytes,
    now: datetime,
    *,
    limit: int | None = None,
    query: str = queries.COUNT_ATTEMPT,
) -> int | None:
    """Count one more; None while a pause is on."""
    config = ctx.config
    failed: int | None = await transaction.fetchval(
        query,
        bucket,
        now,
        config.failures_before_pause if limit is None else limit,
        config.pause_seconds,
        config.longest_pause_seconds,
        now - config.forget,
    )
    return failed


async def _blame(ctx: Context, transaction: Transaction, attempt: Attempt, origin: Origin) -> None:
    """Count a failed try against its address; pause the network once it has tried many accounts."""
    config, now = ctx.config, ctx.clock.now()
    limit = config.address_failures_before_pause
    failed = await _count(ctx, transaction, origin.address_key, now, limit=limit, query=queries.COUNT_OF_ADDRESS)
    if failed == limit:
        _alert(transaction, Attack.ADDRESS, origin)
    accounts = await _spread(ctx, transaction, origin.network_key, attempt)
    if accounts >= config.spraying_accounts:
        await _count(ctx, transaction, origin.network_key, now, limit=1)
    if accounts == config.spraying_accounts:
        _alert(transaction, Attack.NETWORK, origin)


async def _spread(ctx: Context, transaction: Transaction, source: bytes, attempt: Attempt) -> int:
    """Note that a source tried an account; returns how many it tried lately, or 0 where this one was among them."""
    now, most = ctx.clock.now(), ctx.config.spraying_accounts
    accounts: int = await transaction.fetchval(
        queries.NOTE_SPREAD, source, attempt.account, now, now - ctx.config.forget, most + 1
    )
    return accounts


def _alert(transaction: Transaction, kind: Attack, origin: Origin | None, user: Known | None = None) -> None:
    """Tell of an attack: the organization of an account that is there, else nobody's."""
    home, whom = (None, None) if user is None else (user.organization_id, user.user_id)
    network = origin.network if origin else ""
    event = LoginAttacked(kind, home or NOBODY, whom, network)
    transaction.publish(event, aggregate=whom or NOBODY, organization_id=home or NOBODY)
    name, detail = ids.show("USR", whom or NOBODY), {"kind": kind.value, "network": network}
    transaction.audit("auth.attacked", "user", name, organization_id=home, outcome="refused", detail=detail)


def _audit(transaction: Transaction, action: str, account: bytes, user: Known | None, reason: str) -> None:
    """Write who was tried; of an unknown account only its blind key, which shows what tries belong together."""
    who = f"account:{account.hex()}" if user is None else ids.show("USR", user.user_id)
    organization = None if user is None else user.organization_id
    transaction.audit(action, "user", who, organization_id=organization, outcome="refused", detail={"reason": reason})
