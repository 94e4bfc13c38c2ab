"""Chains audit rows in batches, beside the requests that wrote them: what a seal covers cannot be changed unseen.

One process at a time seals; rows of transactions that are still open wait for the next seal. A fork cannot be: the
number of a seal is its key.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from masterlinc.audit import checkpoint, keys, seals
from masterlinc.audit.format import NO_SEAL, Seal, root
from masterlinc.beside import beside
from masterlinc.context import Services
from masterlinc.observe.logs import logger

BATCH = 4096


class SealsAhead(Exception):
    """The last seal covers transactions that this server has not begun: its data came from a dump of another one."""


async def seal(services: Services, *, pause: timedelta = timedelta(0)) -> int:
    """Seal the next batch; returns how many rows it has: none where the last seal is younger than `pause`."""
    now = services.clock.now()
    async with services.db.transaction() as transaction:
        if not await seals.try_lock(transaction):
            return 0
        last, signature = await seals.latest(transaction)
        if last is not None:
            if now - last.sealed_at < pause:
                return 0
            if await seals.is_ahead(transaction, last):
                raise SealsAhead
        rows = await seals.unsealed(transaction, last, BATCH)
        if rows:
            key = await keys.current(transaction, services.vault, now)
            previous = last.digest(signature) if last else NO_SEAL
            made = _over(rows, last, previous, key.kid, now)
            await seals.insert(transaction, made, key.private.sign(made.message()), rows)
        return len(rows)


async def seal_all(services: Services) -> int:
    """Seal everything that is committed; returns how many rows."""
    total = 0
    while count := await seal(services):
        total += count
    return total


@asynccontextmanager
async def sealing(services: Services) -> AsyncIterator[None]:
    """Seal now and then while the block runs, and write checkpoints where the settings name a folder."""
    async with beside(_keep_on(services), "audit-sealer"):
        yield


def _over(rows: list[Any], last: Seal | None, previous: bytes, kid: str, now: datetime) -> Seal:
    return Seal(
        number=last.number + 1 if last else 1,
        previous=previous,
        root=root([row["leaf"] for row in rows]),
        row_count=len(rows),
        total=(last.total if last else 0) + len(rows),
        first_xid=rows[0]["xid"],
        first_id=rows[0]["id"],
        last_xid=rows[-1]["xid"],
        last_id=rows[-1]["id"],
        sealed_at=now,
        key_id=kid,
    )


async def _keep_on(services: Services) -> None:
    seconds, told = services.settings.audit.seal_seconds, ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await _step(services, timedelta(seconds=seconds / 2))
            fault = ""
        except SealsAhead:
            fault = "the seals are ahead of this database: see docs/audit.md"
        except Exception as failed:  # noqa: BLE001 - a key that does not open, say: who ends here seals nothing any more
            fault = type(failed).__name__
        if fault and fault != told:  # once an outage
            logger.warning("audit not sealed", reason=fault)
        told = fault


async def _step(services: Services, pause: timedelta) -> None:
    if await seal(services, pause=pause) == BATCH:
        await seal_all(services)
    settings = services.settings.audit
    if settings.checkpoint_folder:
        every = timedelta(seconds=settings.checkpoint_seconds)
        await checkpoint.write_due(services, Path(settings.checkpoint_folder), every)
