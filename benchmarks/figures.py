"""Figures: percentiles of times, medians of rounds, and what a stretch of work cost in processor time."""

import os
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import processes


def times(seconds: Iterable[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile and the longest of some times, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": _at(ordered, 0.50),
        "p95_ms": _at(ordered, 0.95),
        "p99_ms": _at(ordered, 0.99),
        "max_ms": _at(ordered, 1.0),
    }


def median_of(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each number over the rounds; what is no number is the first round's."""
    return {
        name: _middle([one[name] for one in rounds]) if isinstance(value, int | float) else value
        for name, value in rounds[0].items()
    }


def spread(values: Sequence[float]) -> list[float]:
    """Return the lowest and the highest."""
    return [min(values), max(values)]


class Meter:
    """Wall clock, and processor time of this process and of PostgreSQL, since it was made."""

    def __init__(self, postgres: int) -> None:
        self._postgres = postgres
        self._database = processes.busy(postgres)
        self._own = time.process_time()
        self._begin = time.perf_counter()

    def read(self, operations: int) -> dict[str, float]:
        """Return the time since then, and what each of so many operations cost."""
        seconds = time.perf_counter() - self._begin
        own, database = time.process_time() - self._own, processes.busy(self._postgres) - self._database
        each = 1e6 / max(1, operations)
        return {
            "seconds": round(seconds, 2),
            "app_cpu_us": round(own * each),
            "database_cpu_us": round(database * each),
            "busy_cores": round((own + database) / seconds, 2),
            "app_mb": round(processes.cost(os.getpid()).app_megabytes),
        }


def _at(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        return float("nan")
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)


def _middle(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return round(middle) if all(isinstance(value, int) for value in values) else round(middle, 2)
