"""What runs as long as the process does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from authlinc.service.defence import forget_old
from authlinc.service.key_watch import watched
from authlinc.service.mailing import forget_mails
from authlinc.service.signing import ensure_signing_key
from authlinc.service.state import open_state, state_of
from masterlinc.beside import beside
from masterlinc.context import Context
from masterlinc.db import FAULTS

_log = logging.getLogger(__name__)
_HOUR = 3600
_PROVIDERS_EVERY = 600


@asynccontextmanager
async def lifespan(ctx: Context) -> AsyncIterator[None]:
    """Open what this agent keeps in memory; forget old attempts every hour."""
    state = open_state(ctx)
    try:
        await ensure_signing_key(ctx)
        async with (
            beside(_clean(ctx), "authlinc-clean"),
            beside(_follow_providers(ctx), "authlinc-providers"),
            watched(ctx),
        ):
            yield
    finally:
        state.passwords.close()


async def _clean(ctx: Context) -> None:
    while True:
        await asyncio.sleep(_HOUR)
        try:
            await forget_old(ctx)
            await forget_mails(ctx)
        except FAULTS as fault:
            _log.warning("old attempts to sign in could not be forgotten: %s", fault)


async def _follow_providers(ctx: Context) -> None:
    """Read the metadata and keys of providers before a request needs them."""
    while True:
        for name, client in state_of(ctx).providers.items():
            if not await client.refresh():
                _log.warning("provider %s could not be read", name)
        await asyncio.sleep(_PROVIDERS_EVERY)
