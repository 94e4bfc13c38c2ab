"""A policy's year runs from anniversary to anniversary of its effective date."""

from datetime import date, timedelta


def policy_year(effective: date, day: date) -> date:
    """Return the first day of the policy year that holds `day`; days before the policy count as its first year."""
    if day < effective:
        return effective
    anniversary = _anniversary(effective, day.year)
    return anniversary if anniversary <= day else _anniversary(effective, day.year - 1)


def last_day_of_year(effective: date, year: date) -> date:
    """Return the last day of the policy year that starts on `year`."""
    return _anniversary(effective, year.year + 1) - timedelta(days=1)


def _anniversary(effective: date, year: int) -> date:
    try:
        return effective.replace(year=year)
    except ValueError:  # 29 February: other years start on the 28th
        return effective.replace(year=year, day=28)
