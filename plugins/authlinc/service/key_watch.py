"""Keeps this process's API keys up to date with the database, and writes down when they were used."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from authlinc import key_queries as queries
from authlinc.service.state import state_of
from masterlinc.beside import beside
from masterlinc.context import Context
from masterlinc.db import FAULTS
from masterlinc.security.principal import Principal

_log = logging.getLogger(__name__)
_SECONDS = 1.0
_ROUNDS_BETWEEN_USES = 10


def verify(ctx: Context, key: str) -> Principal:
    """Return the principal of an API key; raises TokenRefused."""
    return state_of(ctx).keys.find(key, ctx.clock.now())


async def follow(ctx: Context) -> None:
    """Read which keys came and went since the last look, and which organizations are closed."""
    ring = state_of(ctx).keys
    async with ctx.db.transaction() as transaction:
        rows = await transaction.fetch(queries.NEWS, ring.position)
        closed = await transaction.fetch(queries.CLOSED_ORGANIZATIONS)
    ring.learn(rows, frozenset(row["id"] for row in closed), ctx.clock.now())


async def write_uses(ctx: Context) -> None:
    """Write down, coarsely, when keys were used last."""
    used = state_of(ctx).keys.taken_uses()
    if used:
        homes, keys = [home for home, _ in used], [key for _, key in used]
        async with ctx.db.transaction(frozenset(homes)) as transaction:
            await transaction.execute(queries.TOUCH_KEYS, homes, keys, list(used.values()))


@asynccontextmanager
async def watched(ctx: Context) -> AsyncIterator[None]:
    """Read the keys now, and again every second while the block runs."""
    await follow(ctx)
    async with beside(_follow(ctx), "authlinc-keys"):
        yield


async def _follow(ctx: Context) -> None:
    rounds = 0
    while True:
        await asyncio.sleep(_SECONDS)
        rounds += 1
        try:
            await follow(ctx)
            if rounds % _ROUNDS_BETWEEN_USES == 0:
                await write_uses(ctx)
        except FAULTS as fault:
            # What is revoked stays revoked; the database's own health check tells the operator.
            _log.warning("API keys could not be read: %s", fault)
