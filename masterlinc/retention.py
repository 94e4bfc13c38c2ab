"""Forgets, in batches, what ended longer ago than `[engine] retention_days`.

Events themselves stay, since a replay reads them; so do the rows of workflows and messages, so that no id and no key
comes again. What nobody has read stays too.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from masterlinc.agent import Retry
from masterlinc.db.transaction import Database

BATCH = 500
_TURN_SECONDS = 5.0  # short beside the time of a step, and beside that of a process on its way out
_PAUSE = timedelta(seconds=1)
_WORKFLOWS = "SELECT masterlinc.forget_workflows($1, $2)"
_DELIVERIES = "SELECT masterlinc.forget_deliveries($1, $2)"
_REPLAYS = "SELECT masterlinc.forget_replays($1, $2)"
_MESSAGES = "SELECT masterlinc.forget_messages($1, $2)"
_AGGREGATES = "SELECT masterlinc.forget_aggregates($1)"

Forget = Callable[[Database, datetime, int], Awaitable[int]]


async def forget_workflows(db: Database, before: datetime, batch: int) -> int:
    """Forget the steps and payloads of a batch of workflows that ended before a moment; answers how many."""
    async with db.connection() as connection:
        return int(await connection.fetchval(_WORKFLOWS, before, batch))


async def forget_deliveries(db: Database, before: datetime, batch: int) -> int:
    """Forget a batch of what was done before a moment; answers how many rows went: call it again until that is 0.

    That is deliveries and replays, and aggregates that no event is kept of. What is pending or parked stays.
    """
    async with db.connection() as connection:
        return int(
            await connection.fetchval(_DELIVERIES, before, batch)
            + await connection.fetchval(_REPLAYS, before, batch)
            + await connection.fetchval(_AGGREGATES, batch)
        )


async def forget_messages(db: Database, before: datetime, batch: int) -> int:
    """Forget what a batch of messages said that were seen to their end before a moment; answers how many."""
    async with db.connection() as connection:
        return int(await connection.fetchval(_MESSAGES, before, batch))


async def forget_all(forget: Forget, db: Database, before: datetime) -> int:
    """Forget batch after batch until nothing is left; answers how many.

    Raises Retry when that takes long: the rest comes with the next start, and no attempt is lost.
    """
    gone, end = 0, time.monotonic() + _TURN_SECONDS
    while batch := await forget(db, before, BATCH):
        gone += batch
        if time.monotonic() >= end:
            raise Retry(f"{gone} are forgotten, and more is left", _PAUSE)
    return gone
