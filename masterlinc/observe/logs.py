"""Logs: one JSON object a line, and only fields that are on the list, so that health data cannot slip in.

Libraries know no list: of their records the words stand, without what they filled in. And all texts are redacted.
"""

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

from masterlinc.observe.redaction import redacted

FIELDS = frozenset(
    {
        "agent",
        "attempts",
        "code",
        "host",
        "method",
        "migration",
        "ms",
        "name",
        "port",
        "reason",
        "route",
        "status",
        "task",
        "trace_id",
        "workflow",
    }
)
_WORDS = frozenset({"name", "reason"})  # fields that may hold words of others
_LONGEST = 500
_FRAMES = 12
_OURS = "masterlinc"
_CHATTY = ("httpx", "httpcore", "asyncio", "mcp")  # below warnings they tell of every request
_logger = logging.getLogger(_OURS)


class Log:
    """Writes events with fields; a field that is not on the list is a fault of the code and raises."""

    def debug(self, event: str, **fields: object) -> None:
        """Write for developers."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Write what happened."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write what an operator may have to look at."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Write what an operator has to look at."""
        self._write(logging.ERROR, event, fields)

    def fault(self, event: str, error: BaseException, **fields: object) -> None:
        """Write an exception: its kind and where it came from, not its message, which may quote data."""
        self._write(logging.ERROR, event, fields, error)

    def writes(self, level: int) -> bool:
        """Say whether records of a level are written at all."""
        return _logger.isEnabledFor(level)

    def write(self, level: int, event: str, **fields: object) -> None:
        """Write at a level that is known at run time only."""
        self._write(level, event, fields)

    def _write(self, level: int, event: str, fields: dict[str, object], error: BaseException | None = None) -> None:
        unlisted = fields.keys() - FIELDS
        if unlisted:
            raise ValueError(f"log fields that are not on the list: {', '.join(sorted(unlisted))}")
        if _logger.isEnabledFor(level):
            facts = fields if error is None else fields | describe(error)
            _logger.log(level, event, extra={"facts": facts})


def describe(error: BaseException) -> dict[str, object]:
    """Return what may be logged of an exception: kinds along its causes, and the innermost places in the code."""
    kinds: list[str] = []
    at = error
    while len(kinds) < _FRAMES:
        kinds.append(type(at).__name__)
        cause = at.__cause__ or at.__context__
        if cause is None:
            break
        at = cause
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "fault": kinds[0],
        "causes": kinds[1:],
        "frames": [f"{one.filename}:{one.lineno} {one.name}" for one in frames],
    }


class JsonFormatter(logging.Formatter):
    """One line of JSON a record; control characters are escaped by the encoder."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        return msgspec.json.encode(_line(record)).decode()


class PrettyFormatter(logging.Formatter):
    """One readable line a record, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line = _line(record)
        at, level, event = line.pop("at"), line.pop("level"), line.pop("event")
        # as JSON, so that a value cannot break out of its line or move the cursor
        facts = " ".join(
            f"{key}={msgspec.json.encode(value).decode()}" for key, value in line.items() if value is not None
        )
        return f"{at:%H:%M:%S} {level:7} {_printable(event)}  {_printable(facts)}".rstrip()


def configure(level: str = "INFO") -> None:
    """Send every log of the process to standard error: readable lines on a terminal, else JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrettyFormatter() if sys.stderr.isatty() else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _, error, __: logger.fault("uncaught", error)
    threading.excepthook = lambda uncaught: logger.fault("uncaught", uncaught.exc_value or uncaught.exc_type())
    sys.unraisablehook = lambda unraisable: logger.fault("unraisable", unraisable.exc_value or unraisable.exc_type())


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname.lower(),
        "event": _short(redacted(_event(record))),
    }
    if record.exc_info and record.exc_info[1] is not None:
        line |= describe(record.exc_info[1])
    return line | {key: _fact(key, value) for key, value in getattr(record, "facts", {}).items()}


def _event(record: logging.LogRecord) -> str:
    """Return our own words whole, and of a library's the first line as it was written, before values came into it."""
    if record.name.partition(".")[0] == _OURS:
        return record.getMessage()
    return f"{record.name}: {str(record.msg).partition(chr(10))[0]}"


def _fact(key: str, value: object) -> object:
    return redacted(str(_short(value))) if key in _WORDS and isinstance(value, str) else _short(value)


def _short(value: object) -> object:
    if isinstance(value, list):
        return [_short(one) for one in value]
    return value if isinstance(value, int | float | bool) or value is None else str(value)[:_LONGEST]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


logger = Log()
