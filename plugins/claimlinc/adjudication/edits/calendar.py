"""Months and ages, by the civil calendar."""

from calendar import monthrange
from datetime import MAXYEAR, date, timedelta

_MONTHS = 12
ONE_DAY = timedelta(days=1)


def months_later(day: date, months: int) -> date:
    """Return the same day some months later; where that month is too short, the first of the next."""
    years, month = divmod(day.month - 1 + months, _MONTHS)
    year = day.year + years
    if year >= MAXYEAR:
        return date.max
    if day.day > monthrange(year, month + 1)[1]:
        return date(year, month + 2, 1)  # never after December, which is long
    return date(year, month + 1, day.day)


def years_later(day: date, years: int) -> date:
    """Return a birthday; who was born on 29 February has it on 1 March in other years."""
    return months_later(day, years * _MONTHS)


def full_years(born: date, day: date) -> int:
    """Return an age in full years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
