"""What is kept of each request: one log line, and counts by route, status and time."""

from time import perf_counter
from typing import Any

from masterlinc.observe.logs import logger

_QUIET = frozenset({"/health", "/health/live", "/health/ready"})  # probes ask every second


def seen(scope: Any, status: int) -> None:
    """Write the line of a request: the route's template, never its path, which holds ids."""
    route = scope.get("path_template") or ""
    if route in _QUIET and status < 400:  # noqa: PLR2004
        return
    state = scope["state"]
    started = state.get("started")
    logger.info(
        "request",
        method=scope["method"],
        route=route,
        status=status,
        ms=None if started is None else round((perf_counter() - started) * 1000, 2),
        trace_id=state.get("trace_id", ""),
    )
