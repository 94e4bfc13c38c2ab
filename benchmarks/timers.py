"""What waiting timers cost: memory of the process, speed of everything else, and the time to find what is due.

A workflow is started and waits for its timer; then PostgreSQL copies its rows as often as asked, with ids, keys and
times of their own. A process is measured over an empty database and over that one; then 10,000 timers come due at
once.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
from typing import Any

from benchmarks import stage, tables
from benchmarks.figures import median_of
from benchmarks.machine import machine


def main() -> int:
    """Measure, print JSON, and the table of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timers", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of 1 second, 20,000 timers, 1,000 due")
    parser.add_argument("--timers", type=int, default=1_000_000, help="how many wait")
    options = parser.parse_args()
    report = asyncio.run(measure(1, 1, 20_000, 1_000) if options.short else measure(3, 5, options.timers, 10_000))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(rounds: int, seconds: float, timers: int, due: int) -> dict[str, Any]:
    """Measure a process with and without timers, turn by turn, and at last let some come due."""
    found: dict[str, list[dict[str, Any]]] = {"none": [], "waiting": []}
    load = {"callers": 64, "seconds": seconds, "warm_up": 1.0}
    async with stage.stage() as place:
        full = await place.database(migrated=True)
        filled = await stage.run("benchmarks.timer_run", dataclasses.asdict(full) | {"act": "fill", "timers": timers})
        for _ in range(rounds):
            empty = await place.database(migrated=True)
            for name, where in (("none", empty), ("waiting", full)):
                plan = dataclasses.asdict(where) | load | {"act": "load"}
                found[name].append(await stage.run("benchmarks.timer_run", plan))
            await place.drop(empty)
        plan = dataclasses.asdict(full) | {"act": "due", "timers": due}
        rung = await stage.run("benchmarks.timer_run", plan)
        return {
            "machine": machine(),
            "postgresql": place.settings,
            "rounds": rounds,
            "timers": timers,
            "filled": filled,
            "without": median_of(found["none"]),
            "with": median_of(found["waiting"]),
            "due_at_once": rung,
        }


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    names = (
        "idle_mb",
        "loaded_mb",
        "steps_per_second",
        "p50_ms",
        "p99_ms",
        "claim_ms",
        "app_cpu_us",
        "database_cpu_us",
    )
    heads = ("", "idle MB", "loaded MB", "steps/s", "p50 ms", "p99 ms", "claim ms", "app µs", "database µs")
    lines = [
        (label, *(report[key][name] for name in names))
        for label, key in (("no timer", "without"), (f"{report['timers']:,} timers", "with"))
    ]
    return tables.markdown(heads, lines) + f"\n\n{json.dumps(report['due_at_once'])}"


if __name__ == "__main__":
    sys.exit(main())
