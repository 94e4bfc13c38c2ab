"""How long an event takes to its subscriber: in one process, and between two with Valkey and with polls only.

The time runs from just before the publishing transaction commits until the subscriber is called in another. Events
are published at a steady rate, each of an aggregate of its own.
"""

import argparse
import asyncio
import dataclasses
import json
import subprocess
import sys
from typing import Any

from benchmarks import stage, tables
from benchmarks.figures import median_of, times
from benchmarks.machine import machine
from masterlinc.testing_servers import start_valkey

SIDES = "benchmarks.event_sides"
WAYS = ("one process", "two processes, Valkey", "two processes, polls")


def main() -> int:
    """Measure, print JSON, and the table of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of 2 seconds, 100 events a second")
    options = parser.parse_args()
    report = asyncio.run(measure(1, 2, (100,)) if options.short else measure(3, 10, (20, 200)))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(rounds: int, seconds: float, rates: tuple[int, ...]) -> dict[str, Any]:
    """Run every way at every rate, round after round."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    async with stage.stage() as place:
        valkey = start_valkey(place.folder, place.folder / "valkey")
        try:
            for _ in range(rounds):
                for way in WAYS:
                    for rate in rates:
                        tuning = {"redis": {"url": valkey.url}} if "Valkey" in way else {}
                        result = await _run(place, way, {"rate": rate, "seconds": seconds, "tuning": tuning})
                        found.setdefault((way, rate), []).append(result)
        finally:
            valkey.stop()
        figures = [{"way": way, "per_second": rate} | median_of(results) for (way, rate), results in found.items()]
        return {"machine": machine(), "postgresql": place.settings, "rounds": rounds, "events": figures}


async def _run(place: stage.Stage, way: str, plan: dict[str, Any]) -> dict[str, Any]:
    where = await place.database(migrated=True)
    print(f"events: {way}, {plan['rate']} a second", file=sys.stderr, flush=True)
    plan = dataclasses.asdict(where) | plan
    try:
        if way == "one process":
            latencies = (await _exchange(await _begin(plan | {"side": "both"})))["latencies"]
        else:
            subscriber = await _begin(plan | {"side": "subscriber"})
            publisher = await _begin(plan | {"side": "publisher"})
            published = (await _exchange(publisher))["published"]
            latencies = (await _exchange(subscriber))["latencies"]
            if len(latencies) != published:
                raise SystemExit(f"{published} events were published and {len(latencies)} came")
    finally:
        await place.drop(where)
    return {"events": len(latencies)} | times(latencies)


async def _begin(plan: dict[str, Any]) -> asyncio.subprocess.Process:
    """Start a side and wait until it is ready; it goes on when its standard input ends."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", SIDES, json.dumps(plan), stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**26
    )
    assert child.stdout is not None
    if await asyncio.wait_for(child.stdout.readline(), 60) != b"ready\n":
        raise SystemExit(f"{plan['side']} does not start")
    return child


async def _exchange(child: asyncio.subprocess.Process) -> dict[str, Any]:
    said, _ = await asyncio.wait_for(child.communicate(b""), 600)
    if child.returncode:
        raise SystemExit(f"{SIDES} failed with {child.returncode}")
    found: dict[str, Any] = json.loads(said)
    return found


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    lines = [
        (one["way"], one["per_second"], *(one[f"{name}_ms"] for name in ("p50", "p95", "p99", "max")))
        for one in report["events"]
    ]
    return tables.markdown(("", "events/s", "p50 ms", "p95 ms", "p99 ms", "longest ms"), lines)


if __name__ == "__main__":
    sys.exit(main())
