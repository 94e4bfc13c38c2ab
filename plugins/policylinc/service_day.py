"""The day of a service, as clients write it."""

import re
from datetime import date, datetime

from masterlinc.clock import RIYADH, Clock, today
from masterlinc.errors import FieldError, Invalid

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(?:Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII)
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)


def service_day(text: str | None, clock: Clock, field: str = "service_date") -> date:
    """Read a day or a time (its day in Riyadh); today where nothing is written; raises Invalid."""
    if text is None:
        return today(clock)
    try:
        day = _read(text)
    except (ValueError, OverflowError):  # the calendar's first and last days have no time in Riyadh
        day = None
    if day is None or not _FIRST <= day <= _LAST:
        detail = "A day such as 2026-01-31 or a time such as 2026-01-31T12:00:00+03:00 is expected"
        detail_ar = "المتوقع تاريخ مثل 2026-01-31 أو وقت مثل 2026-01-31T12:00:00+03:00"
        raise Invalid(detail, detail_ar, errors=[FieldError(field, "date", detail, detail_ar)])
    return day


def _read(text: str) -> date | None:
    if _DAY.fullmatch(text):
        return date.fromisoformat(text)
    if not _TIME.fullmatch(text):
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(RIYADH)).date()  # a bare time is local
