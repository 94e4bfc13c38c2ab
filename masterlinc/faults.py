"""What may be stored of a fault: queue rows hold ids and no health data, and an exception's message may quote any."""

import traceback

from masterlinc.agent import Fail, Park, Retry
from masterlinc.errors import DomainError

_LONGEST = 500


def in_short(fault: BaseException) -> str:
    """Return a step's own words, the code of an error of ours, or the kind of any other and where it came from."""
    if isinstance(fault, Fail | Park | Retry):
        return storable(f"{type(fault).__name__}: {fault}"[:_LONGEST])
    if isinstance(fault, DomainError):
        return f"{type(fault).__name__}: {fault.code}"
    frames = traceback.extract_tb(fault.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(fault).__name__}{place}"


def storable(text: str) -> str:
    """Return a text without what a column of PostgreSQL cannot hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
