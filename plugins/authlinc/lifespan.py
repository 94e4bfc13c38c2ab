"""What runs as long as the process does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from authlinc.service.defence import forget_old
from authlinc.service.key_watch import watched
from authlinc.service.signing import ensure_signing_key
from authlinc.service.state import open_state
from masterlinc.beside import beside
from masterlinc.context import Context
from masterlinc.errors import DomainError

_log = logging.getLogger(__name__)
_HOUR = 3600


@asynccontextmanager
async def lifespan(ctx: Context) -> AsyncIterator[None]:
    """Open what this agent keeps in memory; forget old attempts every hour."""
    state = open_state(ctx)
    try:
        await ensure_signing_key(ctx)
        async with beside(_clean(ctx), "authlinc-clean"), watched(ctx):
            yield
    finally:
        state.passwords.close()


async def _clean(ctx: Context) -> None:
    while True:
        await asyncio.sleep(_HOUR)
        try:
            await forget_old(ctx)
        except (DomainError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            _log.warning("old attempts to sign in could not be forgotten: %s", fault)
