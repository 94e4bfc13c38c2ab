"""Tells who waits for a workflow's end: at once where it ended in this process, else by looking."""

import asyncio
from datetime import timedelta
from uuid import UUID

from masterlinc.db.transaction import Database
from masterlinc.workflow.run import ENDED

_FIRST_LOOK = timedelta(milliseconds=100)
_STATUS = "SELECT status FROM masterlinc.workflow WHERE id = $1"


class Finished:
    """Those who wait in this process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[UUID, list[asyncio.Event]] = {}
        self._leaving = False

    def tell(self, workflow: UUID) -> None:
        """Wake those who wait for a workflow that has ended."""
        for event in self._waiting.get(workflow, ()):
            event.set()

    def give_up(self) -> None:
        """Keep nobody waiting any longer: this process takes nothing new, and is on its way out."""
        self._leaving = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def wait(self, workflow: UUID, timeout_seconds: float) -> bool:
        """Return whether a workflow has ended, after this time at the latest."""
        event = asyncio.Event()
        self._waiting.setdefault(workflow, []).append(event)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._until(workflow, event)
        except TimeoutError:
            return False
        finally:
            left = self._waiting[workflow]
            left.remove(event)
            if not left:
                del self._waiting[workflow]

    async def _until(self, workflow: UUID, event: asyncio.Event) -> bool:
        pause = _FIRST_LOOK.total_seconds()
        while True:
            try:
                async with asyncio.timeout(pause):
                    await event.wait()
            except TimeoutError:
                pause = min(pause * 1.5, 1.0)
            if self._leaving:
                return await self._ended(workflow)
            if event.is_set() or await self._ended(workflow):
                return True

    async def _ended(self, workflow: UUID) -> bool:
        async with self._db.connection() as connection:
            return await connection.fetchval(_STATUS, workflow) in {*ENDED, "parked"}
