"""How fast a file of submissions is decided through the database.

A payer with members, and a file of claims of one to three lines, two on average, each with an identity and a member
number. Every decision is stored whole (lines, traces, facts, sealed submission), posted to the ledger, added to the
history and audited, durably, in chunks of one transaction. The product's own command is measured, from reading the file
to the last commit, with the processes started already counted in.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import insured, processes, stage, tables
from benchmarks.machine import machine
from claimlinc.batch.deciding import CHUNK, decide_chunks
from claimlinc.batch.files import FileLine
from claimlinc.batch.running import Summary, Work, spread
from masterlinc import ids, wire

GOAL = 3_000  # claims a second
_KNOWN = 2_000  # claims that were decided before: nobody begins with empty tables


def main() -> int:
    """Measure, print JSON, and a table of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--short", action="store_true", help="2,000 claims")
    parser.add_argument("--claims", type=int, default=50_000)
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    claims, members = (2_000, 5_000) if options.short else (options.claims, options.members)
    report = asyncio.run(measure(claims, members, options.processes))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(claims: int, members: int, count: int) -> dict[str, Any]:
    """Decide a file by so many processes."""
    async with stage.stage() as where:
        place = await insured.migrated(where)
        async with insured.services_of(place) as services:
            house = await insured.build(place, services, members)
            ctx = insured.payer_of(services, house)
            for upto in (_KNOWN // 10, _KNOWN):
                async for _ in decide_chunks(ctx, insured.requests(house, range(upto))):
                    pass
                await insured.analyze(place)
        file = where.folder / "claims.jsonl"
        lines = write(file, house, range(_KNOWN, _KNOWN + claims))
        before, began, total = processes.cost(os.getpid()), time.perf_counter(), Summary()
        database = processes.busy(place.postgres)
        await spread(Work(str(file), house.payer), count, total.add)
        seconds = time.perf_counter() - began
        app = processes.cost(os.getpid()).app_seconds - before.app_seconds
        database = processes.busy(place.postgres) - database
    if (total.decided, total.refused) != (claims, 0):
        raise SystemExit(f"{total.decided} of {claims} were decided")
    return {
        "machine": machine(),
        "postgresql": where.settings,
        "claims": claims,
        "lines": lines,
        "processes": count,
        "chunk": CHUNK,
        "outcomes": total.outcomes,
        "seconds": round(seconds, 1),
        "claims_per_second": round(claims / seconds),
        "lines_per_second": round(lines / seconds),
        "app_cpu_us": round(app * 1e6 / claims),
        "database_cpu_us": round(database * 1e6 / claims),
        "goal": GOAL,
        "load": os.getloadavg(),
    }


def write(file: Path, house: insured.House, numbers: range) -> int:
    """Write submissions as the command reads them; returns how many lines they have."""
    lines, provider = 0, ids.show("ORG", house.provider)
    with file.open("wb") as out:
        for number in numbers:
            made = insured.submission(house, number)
            lines += len(made.lines)
            out.write(wire.encode(FileLine(made, provider)) + b"\n")
    return lines


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    row = [
        f"{report[name]:,}"
        for name in ("claims", "processes", "claims_per_second", "lines_per_second", "app_cpu_us", "database_cpu_us")
    ]
    return tables.markdown(("claims", "processes", "claims/s", "lines/s", "app µs", "database µs"), [tuple(row)])


if __name__ == "__main__":
    sys.exit(main())
