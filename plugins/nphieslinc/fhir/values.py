"""Single values of FHIR."""

import re
from datetime import date, datetime

from masterlinc.clock import RIYADH

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_PART = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2]))?", re.ASCII)


class NotExact(ValueError):
    """An amount with more places than the halala."""


def read_day(value: object) -> date | None:
    """Read a FHIR date or dateTime as a day in Riyadh; a year or month alone is None. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - a wrong value, wherever it came from
    if _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if _TIME.fullmatch(value):
        moment = datetime.fromisoformat(value)
        return moment.date() if moment.tzinfo is None else moment.astimezone(RIYADH).date()
    if _PART.fullmatch(value):
        return None
    raise ValueError("not a FHIR date")
