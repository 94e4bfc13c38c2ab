"""Reads the keys of sealed values at the start, and follows what other processes make of them."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from masterlinc.beside import beside
from masterlinc.db import FAULTS, Database
from masterlinc.errors import StartupError
from masterlinc.sealing.masters import KEY_BYTES, MasterKeys, MasterUnknown
from masterlinc.sealing.ring import StoredKey
from masterlinc.sealing.store import ROOT
from masterlinc.sealing.vault import Vault

_WAIT = 1.0  # seconds that all else may be held up
_PAUSE = 1.0
_log = logging.getLogger(__name__)

# A row is seen at its commit, not when it is written: so the next look starts at the oldest transaction still open.
_NEWS = """
SELECT k.id, k.organization_id, k.wrapped, k.master_id, k.used_from, now() AS now,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next
FROM (SELECT 1) AS always LEFT JOIN masterlinc.data_key k ON k.xid >= $1::text::xid8"""
_MAKE_ROOT = """
INSERT INTO masterlinc.blind_key (wrapped, master_id) VALUES ($1, $2) ON CONFLICT (only_one) DO NOTHING"""
_ROOT = "SELECT wrapped, master_id FROM masterlinc.blind_key"


class Following:
    """How far a process has read the keys."""

    def __init__(self, database: Database, vault: Vault, masters: Callable[[], MasterKeys] | None = None) -> None:
        """Take the database and the vault; `masters` gives the master keys as the settings say now."""
        self._database, self._vault = database, vault
        self._masters, self._told = masters, ""
        self._masters_changed = False
        self._next = 0
        self._again_at = 0.0
        self._alone = ThreadPoolExecutor(1, "keys")
        vault.look = self.look_now

    async def start(self) -> None:
        """Read every key, and make the root of the blind keys where there is none; raises StartupError."""
        masters = self._vault.ring.masters
        async with self._database.transaction() as transaction:
            made = masters.wrap(ROOT, secrets.token_bytes(KEY_BYTES))
            await transaction.execute(_MAKE_ROOT, made, masters.current)
        async with self._database.transaction() as transaction:
            root = await transaction.fetchrow(_ROOT)
        try:
            self._vault.root(masters.unwrap(root["master_id"], ROOT, root["wrapped"]))
        except MasterUnknown:
            raise StartupError(
                "the keys of this database are wrapped by another security.master_key"
                f" (its id is {root['master_id']}; known here: {', '.join(sorted(masters.ids))})"
            ) from None
        await self.look()

    async def look(self) -> None:
        """Read what is new since the last time."""
        async with self._database.transaction() as transaction:
            self._learn(await transaction.fetch(_NEWS, str(self._next)))

    def masters_changed(self) -> None:
        """Note that the settings name other master keys; the next look takes them."""
        self._masters_changed = True

    def take_masters(self) -> None:
        """Use the master keys that the settings name now, unless one that is still needed is not among them."""
        if not self._masters_changed or self._masters is None:
            return
        try:
            masters = self._masters()
        except StartupError as fault:
            self._tell(str(fault))
            return
        if not self._vault.ring.take(masters):
            self._tell("a former master key is still needed; it is kept until security.former_master_keys names it")
            return
        self._masters_changed, self._told = False, ""
        _log.info("master key %s wraps new keys from now on", masters.current)

    def _tell(self, reason: str) -> None:
        if reason != self._told:
            _log.error("the change of security.master_key is not taken: %s", reason)
        self._told = reason

    def look_now(self) -> bool:
        """Read it while all else waits: a value came that another process has just sealed. True where that went well.

        Opening is no coroutine, and to refuse a record of an organization that is a second old would be worse. So it
        happens once for a key, and where it failed not again for a moment.
        """
        if time.monotonic() < self._again_at:
            return False
        try:
            rows = self._alone.submit(lambda: asyncio.run(self._database.alone(_NEWS, str(self._next)))).result(_WAIT)
        except FAULTS as fault:
            self._again_at = time.monotonic() + _PAUSE
            _log.warning("the keys of sealed values could not be read: %s", type(fault).__name__)
            return False
        self._learn(rows)
        return True

    def _learn(self, rows: list[Any]) -> None:
        ring = self._vault.ring
        self._next = rows[0]["next"]
        for row in rows:
            if row["id"] is not None:
                ring.learn(
                    StoredKey(row["id"], row["organization_id"], row["wrapped"], row["master_id"], row["used_from"])
                )
        ring.use(rows[0]["now"])


@asynccontextmanager
async def followed(following: Following, *, every: float = 1.0) -> AsyncIterator[None]:
    """Read the keys now, and each second while the block runs."""
    await following.start()
    async with beside(_repeat(following, every), "keys"):
        yield


async def _repeat(following: Following, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await following.look()
            following.take_masters()
        except FAULTS as fault:
            _log.warning("the keys of sealed values could not be read: %s", type(fault).__name__)
