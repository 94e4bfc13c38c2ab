"""The way out of a process: it takes nothing new, ends what it has begun, and is gone by a deadline."""

import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Drain:
    """Whether this process is on its way out, and how long it may still take.

    For its first `unready` seconds it says that it is not ready and still answers, so that balancers can turn away.
    """

    def __init__(self, seconds: float, unready: float = 0.0) -> None:
        self.unready = min(unready, seconds)
        self._seconds = seconds
        self._ends: float | None = None
        self._hooks: list[Callable[[], None]] = []

    @property
    def begun(self) -> bool:
        """Say whether nothing new is to be taken."""
        return self._ends is not None

    def begin(self) -> None:
        """Begin, once: whoever asked to be told is told now."""
        if self._ends is None:
            self._ends = time.monotonic() + self._seconds
            for hook in self._hooks:
                try:
                    hook()
                except Exception as fault:  # noqa: BLE001 - whatever it is, the others are told too
                    _log.error("somebody could not be told of the drain: %s", type(fault).__name__)

    def left(self) -> float:
        """Return the seconds until what still runs is cut; the whole time where nothing has begun."""
        return self._seconds if self._ends is None else max(0.0, self._ends - time.monotonic())

    def tell(self, hook: Callable[[], None]) -> None:
        """Call `hook` when it begins."""
        self._hooks.append(hook)
