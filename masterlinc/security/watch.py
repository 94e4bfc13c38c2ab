"""Keeps the trusted keys and revoked sessions of this process up to date with the database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from masterlinc.beside import beside
from masterlinc.clock import Clock
from masterlinc.db import FAULTS, Database
from masterlinc.security import keys, revocation
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import TokenVerifier

_log = logging.getLogger(__name__)
_PURGE_EVERY = 600


async def refresh(database: Database, verifier: TokenVerifier, revocations: Revocations, clock: Clock) -> None:
    """Read keys and revocations once; the start does, before the first request."""
    now = clock.now()
    verifier.trust(await keys.load(database, now))
    await revocations.follow(database, now)


@asynccontextmanager
async def watch(
    database: Database, verifier: TokenVerifier, revocations: Revocations, clock: Clock, *, every: float = 1.0
) -> AsyncIterator[None]:
    """Read keys and revocations now, and again every second while the block runs."""
    await refresh(database, verifier, revocations, clock)
    async with beside(_follow(database, verifier, revocations, clock, every), "security-watch"):
        yield


async def _follow(
    database: Database, verifier: TokenVerifier, revocations: Revocations, clock: Clock, every: float
) -> None:
    rounds = 0
    while True:
        await asyncio.sleep(every)
        rounds += 1
        try:
            await refresh(database, verifier, revocations, clock)
            if rounds % _PURGE_EVERY == 0:
                await revocation.purge(database, clock.now())
        except FAULTS as fault:
            # What is revoked stays revoked; the database's own health check tells the operator.
            _log.warning("keys and revocations could not be read: %s", fault)
