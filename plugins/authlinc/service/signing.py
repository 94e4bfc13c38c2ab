"""The keys that sign access tokens: made at the first start, sealed in the database, rotated without a gap."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from authlinc import queries
from authlinc.service.state import State, state_of
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import StartupError
from masterlinc.sealing import SealBroken
from masterlinc.security import keys
from masterlinc.security.principal import NOBODY
from masterlinc.security.tokens import LEEWAY, SigningKey

MARGIN = timedelta(seconds=60)  # clocks of other processes
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
        if not await transaction.fetch(queries.SIGNING_KEYS, now):
            await _add(ctx, transaction, now)
    await _read(ctx, state_of(ctx), now)
    await _trust(ctx, now)


async def rotate_signing_key(ctx: Context) -> str:
    """Make a new key and return its number; the old ones verify until the last token that they signed has expired."""
    now = ctx.clock.now()
    last_signature = now + _SETTLE
    last_token = last_signature + ctx.config.access + LEEWAY + MARGIN
    async with ctx.transaction() as transaction:
        await transaction.execute(queries.LOCK_SIGNING_KEYS)
        kid = await _add(ctx, transaction, now)
        for row in await transaction.fetch(queries.RETIRE_SIGNING_KEYS, kid, last_signature):
            await keys.retire(transaction, row["kid"], last_token)
        transaction.audit("auth.rotate_key", "signing_key", kid, organization_id=None)
    await _read(ctx, state_of(ctx), now)
    await _trust(ctx, now)
    return kid


async def _add(ctx: Context, transaction: Transaction, now: datetime) -> str:
    private = Ed25519PrivateKey.generate()
    kid = await keys.publish(transaction, private, now)
    secret = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    await transaction.execute(queries.ADD_SIGNING_KEY, kid, ctx.vault.seal(NOBODY, _label(kid), secret), now)
    return kid


async def _read(ctx: Context, state: State, now: datetime) -> None:
    async with ctx.transaction(read_only=True) as transaction:
        rows = await transaction.fetch(queries.SIGNING_KEYS, now)
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
