"""Writes how far runs have come: those of many runs in one commit, each only while its lease holds."""

from collections.abc import Sequence
from uuid import UUID

from masterlinc.db.batch import Batch
from masterlinc.db.transaction import Database, Transaction
from masterlinc.workflow.queries import CHECKPOINT, Write, arguments_of

_MOST = 64


class LostLease(Exception):
    """The workflow is another process's now, or was cancelled: what was not written does not count."""


class Journal:
    """The checkpoints of one process."""

    def __init__(self, db: Database, process: UUID) -> None:
        self._db, self._process = db, process
        self._batch: Batch[Write, bool] = Batch(self._commit, _MOST)

    async def write(self, write: Write) -> None:
        """Write a checkpoint and wait until it is durable; raises LostLease."""
        if not await self._batch.put(write):
            raise LostLease

    async def write_within(self, transaction: Transaction, write: Write) -> None:
        """Write a checkpoint that commits with an open transaction; raises LostLease."""
        kept = await transaction.fetchval(CHECKPOINT, *arguments_of(self._process, [write]))
        if not kept:
            raise LostLease

    async def _commit(self, writes: Sequence[Write]) -> list[bool]:
        async with self._db.connection() as connection:
            kept = set(await connection.fetchval(CHECKPOINT, *arguments_of(self._process, writes)))
        return [write.flow.id in kept for write in writes]
