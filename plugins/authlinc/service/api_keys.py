"""API keys of machines: made, listed, rotated and revoked by who may manage those of the organization."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import key_queries as queries
from authlinc.machine_errors import KeyOver, TooManyKeys
from authlinc.service import key_ring
from authlinc.service.opaque import digest
from authlinc.service.scopes import checked
from authlinc.service.state import state_of
from masterlinc import ids, text
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.security.principal import machine_principal

PREFIX = "APK"
_SECRET_BYTES = 32


class Key(Struct, frozen=True):
    """A key without its secret."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


async def create(ctx: Context, name: str, scopes: Sequence[str], days: int | None) -> tuple[Key, str]:
    """Make a key and return it with its secret, which is shown this once; raises Invalid or TooManyKeys."""
    who, now, home = ctx.principal, ctx.clock.now(), ctx.principal.organization_id
    name, granted, life = terms(ctx, name, scopes, days)
    key_id, secret = ids.new_id(), _new_secret()
    until = now + life
    async with ctx.transaction() as transaction:
        await transaction.execute(queries.LOCK_KEYS, home)
        if await transaction.fetchval(queries.COUNT_KEYS, home, now) >= ctx.config.api_keys_most:
            raise TooManyKeys
        await transaction.execute(
            queries.ADD_KEY, home, key_id, name, list(granted), who.user_id, now, until, digest(secret)
        )
        _audit(transaction, "api_key.create", home, key_id, scopes=",".join(granted))
        _put_after(ctx, transaction, key_id, secret, granted, until)
    return Key(key_id, name, granted, who.user_id, now, until, None, None), secret


async def rotate(ctx: Context, key_id: UUID) -> tuple[Key, str]:
    """Give a key a new secret, shown this once; the old one works on for the overlap. Raises NotFound, KeyOver."""
    now, home, secret = ctx.clock.now(), ctx.principal.organization_id, _new_secret()
    old_until = now + timedelta(hours=ctx.config.api_key_overlap_hours)
    async with ctx.transaction() as transaction:
        key = _key(await transaction.fetchrow(queries.LOCK_KEY, home, key_id))
        if key.revoked_at is not None or key.expires_at <= now:
            raise KeyOver
        await transaction.execute(queries.ROTATE_KEY, home, digest(secret), key_id, now, key.expires_at, old_until)
        _audit(transaction, "api_key.rotate", home, key_id)
        _put_after(ctx, transaction, key_id, secret, key.scopes, key.expires_at)
    return key, secret


async def revoke(ctx: Context, key_id: UUID) -> None:
    """Refuse a key with all of its secrets: here at once, in other processes within a second. Raises NotFound."""
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        _key(await transaction.fetchrow(queries.LOCK_KEY, home, key_id))
        if await transaction.fetchval(queries.REVOKE_KEY, home, key_id, ctx.clock.now()):
            _audit(transaction, "api_key.revoke", home, key_id)
        transaction.on_commit(lambda: state_of(ctx).keys.drop(key_id))


async def load(ctx: Context, key_id: UUID) -> Key:
    """Return a key of the caller's organization; raises NotFound."""
    async with ctx.transaction(read_only=True) as transaction:
        return _key(await transaction.fetchrow(queries.KEY, ctx.principal.organization_id, key_id))


async def listed(ctx: Context, limit: int, offset: int) -> tuple[list[Key], int]:
    """Return a page of the organization's keys, the newest first, and how many there are."""
    home = ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as transaction:
        rows = await transaction.fetch(queries.PAGE_OF_KEYS, home, limit, offset)
        counted = await transaction.fetchval(queries.COUNT_ALL, home)
    return [_key(row) for row in rows], counted


def terms(ctx: Context, name: str, scopes: Sequence[str], days: int | None) -> tuple[str, tuple[str, ...], timedelta]:
    """Return what a credential of a machine is made with; raises Invalid with every fault."""
    faults = []
    try:
        name = text.clean(name, least=1, most=100)
    except ValueError:
        detail, detail_ar = "a name has 1 to 100 visible characters", "يتكون الاسم من 1 إلى 100 حرف ظاهر"
        faults.append(FieldError("name", "text", detail, detail_ar))
    granted, wrong = checked(ctx, scopes)
    most = ctx.config.api_key_days
    if days is not None and not 1 <= days <= most:
        detail, detail_ar = f"a key lives for 1 to {most} days", f"مدة المفتاح من 1 إلى {most} يوماً"
        faults.append(FieldError("expires_in_days", "range", detail, detail_ar))
    if faults or wrong:
        raise Invalid(errors=[*faults, *wrong])
    return name, granted, timedelta(days=most if days is None else days)


def _put_after(
    ctx: Context, transaction: Transaction, key_id: UUID, secret: str, scopes: Sequence[str], until: datetime
) -> None:
    """Let this process take a new secret with the commit; others read of it within a second."""
    principal = machine_principal(ctx.principal.organization_id, key_id, scopes, until)
    transaction.on_commit(lambda: state_of(ctx).keys.put(digest(secret), principal))


def _key(row: Any) -> Key:
    if row is None:
        raise NotFound
    return Key(
        id=row["id"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )


def _new_secret() -> str:
    return key_ring.PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _audit(transaction: Transaction, action: str, home: UUID, key_id: UUID, **detail: str) -> None:
    transaction.audit(action, "api_key", ids.show(PREFIX, key_id), organization_id=home, detail=detail)
