"""One process's part in shipping: whoever has the lease sends, and writes down up to where it was taken."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from auditlinc.shipping import positions
from auditlinc.shipping.health import name_of
from auditlinc.shipping.messages import Message, of_checkpoint, of_row
from auditlinc.shipping.positions import LEASE, Turn
from auditlinc.shipping.target import Target
from masterlinc.audit import checkpoint
from masterlinc.backoff import backoff
from masterlinc.context import Context
from masterlinc.db import FAULTS
from masterlinc.ids import new_id
from masterlinc.observe.logs import logger


class Shipper:
    """Sends batch after batch; after a fault it waits, and sends the same batch again."""

    def __init__(self, ctx: Context, target: Target) -> None:
        self._ctx, self._target = ctx, target
        self._name, self._owner = name_of(ctx), new_id()
        self._fence: int | None = None
        self._is_behind = False
        self._told_at: datetime | None = None  # when a checkpoint was shipped last

    async def keep_on(self) -> None:
        """Ship until the process ends."""
        attempt = 0
        while True:
            await asyncio.sleep(self._ctx.config.siem.poll_seconds if attempt == 0 else _pause(attempt))
            try:
                while await self.step():
                    attempt = 0
                attempt = 0
            except Exception as fault:  # noqa: BLE001 - a key that does not open, say: who ends here ships nothing any more
                attempt += 1
                if attempt == 1:
                    logger.warning("audit not shipped", reason=type(fault).__name__)
            with suppress(*FAULTS):
                await self.tell_behind()

    async def step(self) -> bool:
        """Ship the next batch, if it is this process's turn; False where there is nothing more for now."""
        db, siem = self._ctx.db, self._ctx.config.siem
        turn = await positions.take(db, self._name, self._owner)
        self._fence = turn.fence if turn else None
        if turn is None:
            return False
        rows = await positions.rows(db, turn, siem.batch)
        made = await self._checkpoint(turn, rows)
        messages: list[Message] = [of_row(row) for row in rows]
        if made is not None:
            messages.append(of_checkpoint(made))
        if not messages:
            return False
        await self._target.send(messages)
        if made is not None:
            self._told_at = made.made_at
        end = structs.replace(turn, told_seal=made.number if made else turn.told_seal)
        if rows:
            end = structs.replace(end, xid=rows[-1]["xid"], id=rows[-1]["id"])
        return await positions.keep(db, self._name, end, len(rows)) and len(rows) == siem.batch

    async def tell_behind(self) -> None:
        """Log once when rows begin to wait too long, and once when they do no more."""
        waits = await positions.waiting(self._ctx.db, self._name)
        is_behind = waits is not None and waits > timedelta(minutes=self._ctx.config.siem.alert_minutes)
        if is_behind != self._is_behind:
            told = "audit shipping is behind" if is_behind else "audit shipping has caught up"
            logger.error(told) if is_behind else logger.info(told)
        self._is_behind = is_behind

    async def give_up(self) -> None:
        """Let another process go on at once."""
        if self._fence is not None:
            with suppress(*FAULTS):
                await positions.give_up(self._ctx.db, self._name, self._fence)

    async def _checkpoint(self, turn: Turn, rows: Sequence[Any]) -> checkpoint.Checkpoint | None:
        """Return the chain's last seal where it is due and nothing else is left to ship."""
        every, now = timedelta(seconds=self._ctx.settings.audit.checkpoint_seconds), self._ctx.clock.now()
        if len(rows) == self._ctx.config.siem.batch or (self._told_at is not None and now - self._told_at < every):
            return None
        made = await checkpoint.make(self._ctx.services)
        if made is None or made.number <= turn.told_seal:
            return None
        return made


def _pause(attempt: int) -> float:
    return min(backoff(attempt).total_seconds(), LEASE.total_seconds() / 2)
