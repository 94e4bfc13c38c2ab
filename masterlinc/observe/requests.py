"""What is kept of each request: one log line, of those that went well only where DEBUG is asked for."""

import logging
from typing import Any

from masterlinc.observe.logs import logger

_FAULTS_FROM = 400


def seen(scope: Any, status: int, seconds: float | None) -> None:
    """Write the line of a request: the route's template, never its path, which holds ids."""
    level = logging.DEBUG if status < _FAULTS_FROM else logging.INFO
    if logger.writes(level):
        logger.write(
            level,
            "request",
            method=scope["method"],
            route=scope.get("path_template") or "",
            status=status,
            ms=None if seconds is None else round(seconds * 1000, 2),
            trace_id=scope["state"].get("trace_id", ""),
        )
