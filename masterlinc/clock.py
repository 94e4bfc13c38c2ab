"""Time comes from a clock that is handed in; always aware UTC."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

RIYADH = ZoneInfo("Asia/Riyadh")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the time as aware UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time as aware UTC."""
        return datetime.now(UTC)


def today(clock: Clock) -> date:
    """Return the day in Riyadh."""
    return clock.now().astimezone(RIYADH).date()
