"""The load that two-step workflows are put under, the same for every engine."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.figures import Meter, times


@dataclass(frozen=True)
class Plan:
    """One run: where the database is, which steps, and either so many callers for a time or a backlog."""

    app: str
    owner: str
    superuser: str
    postgres: int
    steps: Literal["trivial", "row", "graph"]
    callers: int = 0
    seconds: float = 0
    warm_up: float = 0
    backlog: int = 0
    tuning: dict[str, Any] = field(default_factory=dict)


async def call(plan: Plan, once: Callable[[str], Awaitable[None]]) -> dict[str, Any]:
    """Have callers start a workflow and wait for its end, one after the other, each its own."""
    numbers = itertools.count()
    taken: list[float] = []

    async def one_caller(until: float, into: list[float]) -> None:
        while (begin := time.perf_counter()) < until:
            await once(f"key {next(numbers)}")
            into.append(time.perf_counter() - begin)

    async def all_of_them(seconds: float, into: list[float]) -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(one_caller(until, into) for _ in range(plan.callers)))

    await all_of_them(plan.warm_up, [])
    meter = Meter(plan.postgres)
    await all_of_them(plan.seconds, taken)
    cost = meter.read(len(taken))
    rate = {"workflows": len(taken), "steps_per_second": round(2 * len(taken) / cost["seconds"])}
    return rate | times(taken) | cost
