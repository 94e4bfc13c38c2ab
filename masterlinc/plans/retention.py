"""Forgets, in batches, what ended longer ago than `[engine] retention_days`."""

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masterlinc.context import Context

_BATCH = 500
_FORGET = "SELECT masterlinc.forget_workflows($1, $2)"


async def forget(ctx: "Context") -> int:
    """Forget the steps of old workflows; their ids and keys stay taken. Returns how many."""
    until = ctx.clock.now() - timedelta(days=ctx.settings.engine.retention_days)
    gone = 0
    while True:
        async with ctx.db.connection() as connection:
            batch = int(await connection.fetchval(_FORGET, until, _BATCH))
        gone += batch
        if batch < _BATCH:
            return gone
