"""Forgets, in batches, what ended longer ago than `[engine] retention_days`.

Events themselves stay, since a replay reads them; so do the rows of workflows, so that no id and no key comes again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from masterlinc.db.transaction import Database

BATCH = 500
_WORKFLOWS = "SELECT masterlinc.forget_workflows($1, $2)"
_DELIVERIES = "SELECT masterlinc.forget_deliveries($1, $2)"
_REPLAYS = "SELECT masterlinc.forget_replays($1, $2)"
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


async def forget_all(forget: Forget, db: Database, before: datetime) -> int:
    """Forget batch after batch until nothing is left; answers how many."""
    gone = 0
    while batch := await forget(db, before, BATCH):
        gone += batch
    return gone
