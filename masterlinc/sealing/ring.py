"""The data keys of a process, in memory: each organization's newest one seals, and every known one opens."""

import secrets
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from masterlinc.sealing.masters import KEY_BYTES, MasterKeys

_CIPHERS_KEPT = 4096
_NOT_SAVED = datetime.min.replace(tzinfo=UTC)


class StoredKey(Struct, frozen=True):
    """A data key as the database holds it; a destroyed one has no wrapped key any more."""

    id: UUID
    organization_id: UUID
    wrapped: bytes | None
    master_id: str
    used_from: datetime = _NOT_SAVED

    @property
    def name(self) -> bytes:
        """Return what the key is wrapped under: moved to another organization or id, it does not open."""
        return key_name(self.organization_id, self.id)


class Ring:
    """The data keys that this process knows; a key that it made is unsaved until a commit has it."""

    def __init__(self, masters: MasterKeys) -> None:
        self.masters = masters
        self.unsaved: dict[UUID, StoredKey] = {}
        self._keys: dict[UUID, StoredKey] = {}
        self._newest: dict[UUID, StoredKey] = {}
        self._later: list[StoredKey] = []  # that are read, and come into use at their time
        self.cipher = lru_cache(_CIPHERS_KEPT)(self._unwrapped)

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Ring(…)"

    def __contains__(self, key_id: UUID) -> bool:
        return key_id in self._keys

    def newest(self, organization_id: UUID) -> StoredKey:
        """Return the key that seals for an organization; its first is made here."""
        return self._newest.get(organization_id) or self._make(organization_id)

    def learn(self, key: StoredKey) -> None:
        """Take a key from the database; a wrap that we cannot open replaces none that we can."""
        known = self._keys.get(key.id)
        if key.wrapped is None:
            self._forget(key)
        elif known is None or key.master_id in self.masters.ids:
            self._keys[key.id] = key
            self._later.append(key)
        self.unsaved.pop(key.id, None)

    def use(self, now: datetime) -> None:
        """Let each organization's newest key seal whose time has come."""
        waiting = []
        for key in self._later:
            if key.used_from > now:
                waiting.append(key)
                continue
            newest = self._newest.get(key.organization_id)
            if key.master_id in self.masters.ids and (newest is None or _age(newest) <= _age(key)):
                self._newest[key.organization_id] = key
        self._later = waiting

    def saved(self, keys: list[StoredKey]) -> None:
        """Note that these keys are committed."""
        for key in keys:
            self.unsaved.pop(key.id, None)

    def take(self, masters: MasterKeys) -> bool:
        """Use other master keys from now on; False, and nothing changes, where one that is still needed is missing."""
        needed = {key.master_id for key in self._keys.values()} & self.masters.ids
        if not needed <= masters.ids:
            return False
        self.masters = masters
        return True

    def _make(self, organization_id: UUID) -> StoredKey:
        key_id, masters = uuid4(), self.masters
        wrapped = masters.wrap(key_name(organization_id, key_id), secrets.token_bytes(KEY_BYTES))
        key = StoredKey(key_id, organization_id, wrapped, masters.current)
        self._keys[key_id] = self.unsaved[key_id] = self._newest[organization_id] = key
        return key

    def _forget(self, key: StoredKey) -> None:
        self._keys[key.id] = key
        self._later = [one for one in self._later if one.id != key.id]
        if (newest := self._newest.get(key.organization_id)) is not None and newest.id == key.id:
            del self._newest[key.organization_id]
        self.cipher.cache_clear()

    def _unwrapped(self, key_id: bytes) -> AESGCM | None:
        """Return what seals and opens under a key, None where it was destroyed; raises LookupError, MasterUnknown."""
        key = self._keys[UUID(bytes=key_id)]
        if key.wrapped is None:
            return None
        return AESGCM(self.masters.unwrap(key.master_id, key.name, key.wrapped))


def key_name(organization_id: UUID, key_id: UUID) -> bytes:
    """Return what a data key is wrapped under."""
    return b"data/1/" + organization_id.bytes + key_id.bytes


def _age(key: StoredKey) -> tuple[datetime, UUID]:
    return key.used_from, key.id
