"""The keys that sign access tokens: made at the first start, sealed in the database, rotated without a gap."""

from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from authlinc import queries
from authlinc.service.endings import MARGIN
from authlinc.service.state import State, state_of
from authlinc.tables import SigningKey as StoredKey
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import StartupError
from masterlinc.sealing import SealBroken
from masterlinc.security import keys
from masterlinc.security.principal import NOBODY
from masterlinc.security.tokens import LEEWAY, SigningKey

_SETTLE = timedelta(seconds=90)  # every process and every reader of the JWKS knows a new key before it signs
_REREAD = timedelta(seconds=30)


async def signing_key(ctx: Context) -> SigningKey:
    """Return the key that signs now: the newest one that everybody knows."""
    state, now = state_of(ctx), ctx.clock.now()
    if state.signing_keys_read is None or now - state.signing_keys_read >= _REREAD:
        await _read(ctx, state, now)
    for kid, created, private in state.signing_keys:
        if created <= now - _SETTLE:
            return SigningKey(kid, private)
    kid, _, private = state.signing_keys[-1]
    return SigningKey(kid, private)


async def ensure_signing_key(ctx: Context) -> None:
    """Make the first key where there is none; raises StartupError when the stored ones do not open."""
    now = ctx.clock.now()
    async with ctx.transaction() as transaction:
        await transaction.execute(queries.LOCK_SIGNING_KEYS)
        if not await _stored(now):
            await _add(ctx, transaction, now)
    await _read(ctx, state_of(ctx), now)
    await _trust(ctx, now)


async def rotate_signing_key(ctx: Context) -> str:
    """Make a new key and return its number; the old ones verify until the last token that they signed has expired."""
    now = ctx.clock.now()
    last_signature = now + _SETTLE
    last_token = last_signature + ctx.config.longest_access + LEEWAY + MARGIN
    async with ctx.transaction() as transaction:
        await transaction.execute(queries.LOCK_SIGNING_KEYS)
        kid = await _add(ctx, transaction, now)
        for old in await _retire_others(kid, last_signature):
            await keys.retire(transaction, old, last_token)
        transaction.audit("auth.rotate_key", "signing_key", kid, organization_id=None)
    await _read(ctx, state_of(ctx), now)
    await _trust(ctx, now)
    return kid


async def _add(ctx: Context, transaction: Transaction, now: datetime) -> str:
    private = Ed25519PrivateKey.generate()
    kid = await keys.publish(transaction, private, now)
    secret = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    await StoredKey.insert(StoredKey(kid=kid, sealed=ctx.vault.seal(NOBODY, _label(kid), secret), created_at=now))
    return kid


async def _stored(now: datetime) -> list[dict[str, Any]]:
    """Return the keys that sign, the newest first.

    `retired_at` is when a key signs no more; the kernel's token_key says when it verifies no more, which is later.
    """
    return (
        await StoredKey.select()
        .where(StoredKey.retired_at.is_null() | (StoredKey.retired_at > now))
        .order_by(StoredKey.created_at, ascending=False)
    )


async def _retire_others(kid: str, last_signature: datetime) -> list[str]:
    """Let every other key sign no more from then on; returns those that were not retired before."""
    retired = (
        await StoredKey.update({StoredKey.retired_at: last_signature})
        .where(StoredKey.retired_at.is_null(), StoredKey.kid != kid)
        .returning(StoredKey.kid)
    )
    return [row["kid"] for row in retired]


async def _read(ctx: Context, state: State, now: datetime) -> None:
    async with ctx.transaction(read_only=True):
        rows = await _stored(now)
    try:
        state.signing_keys = tuple(
            (
                row["kid"],
                row["created_at"],
                Ed25519PrivateKey.from_private_bytes(ctx.vault.open(NOBODY, _label(row["kid"]), row["sealed"])),
            )
            for row in rows
        )
    except SealBroken:
        raise StartupError("the keys that sign tokens were sealed with another security.master_key") from None
    state.signing_keys_read = now


async def _trust(ctx: Context, now: datetime) -> None:
    ctx.services.verifier.trust(await keys.load(ctx.db, now))


def _label(kid: str) -> str:
    return f"authlinc.signing_key/{kid}"
