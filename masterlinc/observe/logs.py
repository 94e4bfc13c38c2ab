"""Logs: one JSON object a line, and only fields that are on the list, so that health data cannot slip in."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

FIELDS = frozenset(
    {"agent", "attempts", "code", "host", "method", "migration", "ms", "name", "port", "reason", "route", "status", "task", "trace_id", "workflow"}
)
_LONGEST = 500
_logger = logging.getLogger("masterlinc")


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

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        unlisted = fields.keys() - FIELDS
        if unlisted:
            raise ValueError(f"log fields that are not on the list: {', '.join(sorted(unlisted))}")
        if _logger.isEnabledFor(level):
            _logger.log(level, event, extra={"facts": fields})


class JsonFormatter(logging.Formatter):
    """One line of JSON a record; control characters are escaped by the encoder."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        facts: dict[str, Any] = {key: _short(value) for key, value in getattr(record, "facts", {}).items()}
        line = {"at": datetime.fromtimestamp(record.created, UTC), "level": record.levelname.lower(), "event": _short(record.getMessage())}
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
        return msgspec.json.encode(line | facts).decode()


def configure(level: str = "INFO") -> None:
    """Send every log of the process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its request lines carry addresses


def _short(value: object) -> object:
    return value if isinstance(value, int | float | bool) or value is None else str(value)[:_LONGEST]


logger = Log()
