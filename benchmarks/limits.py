"""What a look at a limit costs a request: alone, with Redis, and for a caller who is seen for the first time."""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from masterlinc.clock import SystemClock
from masterlinc.limits import Limits, Policy
from masterlinc.settings import LimitSettings, RedisUrl
from masterlinc.testing_servers import start_valkey

ROUNDS = 5
WIDE, NARROW = Policy("wide", 1_000_000_000), Policy("narrow", 1)


async def microseconds(limits: Limits, policy: Policy, subjects: Iterable[str]) -> float:
    """Return the mean of one check, of those of these subjects."""
    asked = list(subjects)
    begin = time.perf_counter()
    for subject in asked:
        await limits.take(policy, subject)
    return round((time.perf_counter() - begin) / len(asked) * 1e6, 2)


async def best(limits: Limits, policy: Policy, checks: int) -> float:
    """Return the best of some rounds over one busy subject."""
    return min([await microseconds(limits, policy, ["a"] * checks) for _ in range(ROUNDS)])


async def measure(checks: int) -> dict[str, Any]:
    """Measure each way that a check goes."""
    alone = Limits(LimitSettings(), SystemClock())
    found: dict[str, Any] = {
        "alone": await best(alone, WIDE, checks),
        "refused": await best(alone, NARROW, checks),
        "alone_first_seen": await microseconds(alone, WIDE, map(str, range(checks // 10))),
    }
    with tempfile.TemporaryDirectory() as folder:
        server = start_valkey(Path(folder))
        shared = Limits(LimitSettings(), SystemClock(), redis=RedisUrl(server.url))
        try:
            found["with_redis"] = await best(shared, WIDE, checks)
            found["with_redis_first_seen"] = await microseconds(shared, WIDE, map(str, range(checks // 100)))
        finally:
            await shared.close()
            server.stop()
    return found


def main() -> None:
    """Print the figures, in microseconds a check."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a first impression")
    checks = 20_000 if parser.parse_args().short else 200_000
    print(json.dumps({"machine": machine(), "microseconds": asyncio.run(measure(checks))}, indent=2))


if __name__ == "__main__":
    main()
