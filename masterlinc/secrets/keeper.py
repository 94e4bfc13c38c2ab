"""Keeps the secrets of a running process up to date: files within a second, a vault at an interval."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from masterlinc.beside import beside
from masterlinc.secrets.files import SourceFault, Stamp, stamp
from masterlinc.secrets.reading import Reader, fill
from masterlinc.secrets.secret import Secret, secrets_of

if TYPE_CHECKING:
    from masterlinc.settings import VaultSettings

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


class Keeper:
    """Reads again what changed; a secret that cannot be read stays what it was, and is told of once."""

    def __init__(self, vault: "VaultSettings", settings: Iterable[tuple[str, Any]]) -> None:
        """Take the sections whose secrets are to be followed."""
        found = [one for section, tree in settings for one in secrets_of(tree, section)]
        self._files = [(name, secret) for name, secret in found if secret.file]
        self._kept = [(name, secret) for name, secret in found if secret.vault]
        self._stamps: dict[str, Stamp | None] = {secret.file: stamp(secret.file) for _, secret in self._files}
        self._reader, self._every = Reader(vault), vault.refresh_seconds
        self._vault_at = time.monotonic() + self._every
        self._faults: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def follows(self) -> bool:
        """Say whether any secret is kept elsewhere."""
        return bool(self._files or self._kept)

    async def look(self) -> None:
        """Read the files that changed, and the vault when its time has come."""
        await self._take(await asyncio.to_thread(self._changed_files))
        if self._kept and time.monotonic() >= self._vault_at:
            self._vault_at = time.monotonic() + self._every
            await self._take(self._kept)

    async def renew(self, secret: Secret) -> bool:
        """Read one secret again now, as when it is refused somewhere; True where it has changed."""
        if not secret.reference:
            return False
        before = secret.reveal()
        await self._take([(secret.reference, secret)])
        return secret.reveal() != before

    def _changed_files(self) -> list[tuple[str, Secret]]:
        now = {path: stamp(path) for path in self._stamps}
        changed = {path for path, seen in now.items() if seen != self._stamps[path]}
        self._stamps = now
        return [(name, secret) for name, secret in self._files if secret.file in changed]

    async def _take(self, wanted: list[tuple[str, Secret]]) -> None:
        if not wanted:
            return
        async with self._one_at_a_time:
            values = await asyncio.to_thread(self._reader.values, [secret for _, secret in wanted])
        for (name, secret), value in zip(wanted, values, strict=True):
            before = secret.reveal()
            fault = value if isinstance(value, SourceFault) else fill(secret, value)
            if fault is None and secret.reveal() != before:
                _log.info("secret %s has changed", name)
            self._tell(name, fault)

    def _tell(self, name: str, fault: SourceFault | None) -> None:
        reason = str(fault or "")
        if reason and self._faults.get(name) != reason:
            _log.warning("secret %s: %s", name, reason)
        self._faults[name] = reason


@asynccontextmanager
async def kept(keeper: Keeper) -> AsyncIterator[None]:
    """Follow the secrets while the block runs."""
    if not keeper.follows:
        yield
        return
    async with beside(_repeat(keeper), "secrets"):
        yield


async def _repeat(keeper: Keeper) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await keeper.look()
        except Exception:  # noqa: BLE001 - one who cannot take it must not keep it from the others
            _log.exception("somebody who uses a secret could not take its change")
