"""Forgets what was delivered long ago. Events themselves stay: they are what a replay reads."""

from datetime import datetime

from masterlinc.db.transaction import Database

_DELIVERIES = "SELECT masterlinc.forget_deliveries($1, $2)"
_REPLAYS = "SELECT masterlinc.forget_replays($1, $2)"
_AGGREGATES = "SELECT masterlinc.forget_aggregates($1)"


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
