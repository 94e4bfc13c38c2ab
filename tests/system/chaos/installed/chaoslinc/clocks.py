"""A host's clock that jumps: a process whose name is in the file `clock` is some seconds off."""

import os
import time
from datetime import UTC, datetime, timedelta

from chaoslinc.points import FOLDER
from masterlinc.clock import SystemClock

NAME = os.environ.get("MASTERLINC_PROCESS__NAME", "up")
_time_ns = time.time_ns


def offset() -> int:
    """Return how many seconds this host's clock is off."""
    try:
        name, seconds = (FOLDER / "clock").read_text().split()
    except (FileNotFoundError, ValueError):
        return 0
    return int(seconds) if name == NAME else 0


def install() -> None:
    """Have everything in this process that reads the host's clock read the one that jumps."""
    time.time_ns = lambda: _time_ns() + offset() * 1_000_000_000
    SystemClock.now = lambda _: datetime.now(UTC) + timedelta(seconds=offset())  # type: ignore[method-assign]
