"""What a process remembers for a while: answers that change by the day and are asked for by the millisecond."""

from datetime import datetime, timedelta
from typing import Generic, TypeVar

from masterlinc.clock import Clock

K = TypeVar("K")
V = TypeVar("V")
_MOST = 10_000


class Memory(Generic[K, V]):
    """Remembers values for a time; a full memory is emptied. Nothing that decides on access belongs here."""

    def __init__(self, clock: Clock, life: timedelta, most: int = _MOST) -> None:
        self._clock, self._life, self._most = clock, life, most
        self._values: dict[K, tuple[datetime, V]] = {}

    def get(self, key: K) -> V | None:
        """Return what is remembered under a key, or None."""
        kept = self._values.get(key)
        return kept[1] if kept is not None and kept[0] > self._clock.now() else None

    def keep(self, value: V, *keys: K) -> None:
        """Remember a value under these keys, from now on."""
        if len(self._values) + len(keys) > self._most:
            self._values.clear()
        until = self._clock.now() + self._life
        self._values.update((key, (until, value)) for key in keys)

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
