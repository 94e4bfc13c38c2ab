"""The API keys as a process knows them: in memory, following the database each second, as revoked sessions are.

No request with a key asks the database, so a flood of keys that nobody has costs a digest each.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from authlinc.service.opaque import digest
from masterlinc.security.principal import Principal, machine_principal
from masterlinc.security.tokens import TokenRefused

PREFIX = "mlk_"
_SHAPE = re.compile(r"mlk_[A-Za-z0-9_-]{43}", re.ASCII)
_COARSE = timedelta(minutes=5)


class KeyRing:
    """The keys of every organization by the digest of their secret, each with the principal that it makes."""

    def __init__(self) -> None:
        self._known: dict[bytes, Principal] = {}
        self._used: dict[tuple[UUID, UUID], datetime] = {}
        self._told: dict[UUID, datetime] = {}  # when a key's use was written down last
        self._closed: frozenset[UUID] = frozenset()
        self._next = 0

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: str, now: datetime) -> Principal:
        """Return a key's principal; raises TokenRefused."""
        principal = self._known.get(digest(key)) if _SHAPE.fullmatch(key) else None
        if principal is None or now >= principal.expires_at or principal.organization_id in self._closed:
            raise TokenRefused("api key")
        told = self._told.get(principal.user_id)
        if told is None or now - told >= _COARSE:
            self._told[principal.user_id] = now
            self._used[(principal.organization_id, principal.user_id)] = now
        return principal

    def put(self, secret_hash: bytes, principal: Principal) -> None:
        """Take a secret that was made just now."""
        self._known[secret_hash] = principal

    def drop(self, key_id: UUID) -> None:
        """Forget a key with all of its secrets."""
        for secret_hash in [one for one, who in self._known.items() if who.user_id == key_id]:
            del self._known[secret_hash]
        self._told.pop(key_id, None)

    def learn(self, rows: Iterable[Any], closed: frozenset[UUID], now: datetime) -> None:
        """Take what changed since the last look, and which organizations are disabled."""
        self._closed = closed
        for row in rows:
            self._next = row["next"]
            if row["secret_hash"] is None:
                continue
            if row["revoked"] or row["until"] <= now:
                self._known.pop(row["secret_hash"], None)
            else:
                self._known[row["secret_hash"]] = machine_principal(
                    row["organization_id"], row["key_id"], row["scopes"], row["until"]
                )
        for secret_hash in [one for one, who in self._known.items() if who.expires_at <= now]:
            del self._known[secret_hash]

    @property
    def position(self) -> int:
        """Return the transaction that the next look starts at."""
        return self._next

    def taken_uses(self) -> dict[tuple[UUID, UUID], datetime]:
        """Return which keys were used since the last call, and when."""
        used, self._used = self._used, {}
        return used
