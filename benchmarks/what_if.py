"""How fast a what-if decides stored claims again, and in how much memory.

Two thousand claims are decided for real; each is then stored many times over, under numbers of its own and sealed for
itself. A quarter of the claims would be decided otherwise: the co-pay of one benefit is changed. What is measured is
what the product's command does: two processes read the decisions with their facts, open what was submitted, decide,
and count.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any

import asyncpg

from benchmarks import insured, processes, stage, tables
from benchmarks.machine import machine
from claimlinc.batch.deciding import decide_chunks
from claimlinc.replay import spread
from claimlinc.replay.kept import Span
from claimlinc.replay.running import Job
from claimlinc.replay.schemas import Overrides
from claimlinc.replay.tally import Tally
from claimlinc.service.snapshot import seal, unseal
from masterlinc import wire
from masterlinc.context import Services
from masterlinc.ids import new_id

GOAL_SECONDS, GOAL_MEGABYTES, GOAL_CLAIMS = 360, 500, 1_000_000
_DECIDED = 2_000
_OVERRIDES = '{"benefits": {"pharmacy": {"copay_percent": 5, "copay_cap": null}}}'
_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND NOT attname = ANY ($2::text[])"""


def main() -> int:
    """Measure, print JSON, and a table of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.what_if", description=__doc__)
    parser.add_argument("--short", action="store_true", help="10,000 stored claims")
    parser.add_argument("--claims", type=int, default=GOAL_CLAIMS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    report = asyncio.run(measure(10_000 if options.short else options.claims, options.processes))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(claims: int, count: int) -> dict[str, Any]:
    """Store claims, and decide them again."""
    async with stage.stage() as where:
        place = await insured.migrated(where)
        async with insured.services_of(place) as services:
            house = await insured.build(place, services, 5_000)
            ctx = insured.payer_of(services, house)
            async for _ in decide_chunks(ctx, insured.requests(house, range(_DECIDED))):
                pass
            began = time.perf_counter()
            stored = await store(place, services, house, claims // _DECIDED - 1)
            await insured.analyze(place)
            stored_in = time.perf_counter() - began
            job = Job(Span(house.payer, last_only=True), wire.load(_OVERRIDES, Overrides))
            peak = [processes.cost(os.getpid())]
            watching = asyncio.create_task(watch(peak))
            app, database = processes.cost(os.getpid()).app_seconds, processes.busy(place.postgres)
            began = time.perf_counter()
            tally = await spread.count(ctx, job, count, lambda _: None)
            seconds = time.perf_counter() - began
            watching.cancel()
            app = processes.cost(os.getpid()).app_seconds - app
            database = processes.busy(place.postgres) - database
    if not isinstance(tally, Tally) or tally.claims != stored + _DECIDED or not tally.changed:
        raise SystemExit("not every claim was decided again")
    return {
        "machine": machine(),
        "postgresql": where.settings,
        "claims": tally.claims,
        "changed": tally.changed,
        "processes": count,
        "stored_in_seconds": round(stored_in, 1),
        "seconds": round(seconds, 1),
        "claims_per_second": round(tally.claims / seconds),
        "million_in_seconds": round(GOAL_CLAIMS * seconds / tally.claims),
        "app_cpu_us": round(app * 1e6 / tally.claims),
        "database_cpu_us": round(database * 1e6 / tally.claims),
        "peak_app_mb": round(max(one.app_megabytes for one in peak)),
        "peak_database_mb": round(max(one.database_megabytes for one in peak)),
        "goal": {"million_in_seconds": GOAL_SECONDS, "peak_app_mb": GOAL_MEGABYTES},
        "load": os.getloadavg(),
    }


async def store(place: stage.Place, services: Services, house: insured.House, times: int) -> int:
    """Store each decision so many times more; returns how many there are then besides the first."""
    connection = await asyncpg.connect(place.owner)
    await connection.execute("SET synchronous_commit = off")
    rows = await connection.fetch(
        "SELECT d.id, b.submission FROM claimlinc.decision d JOIN claimlinc.decision_basis b ON b.decision_id = d.id"
    )
    opened = [(row["id"], unseal(services.vault, house.payer, row["id"], row["submission"])) for row in rows]
    await connection.execute("CREATE TEMPORARY TABLE copied (old uuid, id uuid, submission bytea, round int)")
    copies = [
        await _copy(connection, "decision", ("id", "identifier_value", "decided_at"), _SHIFTED),
        await _copy(connection, "decision_line", ("decision_id",), "c.id"),
        await _copy(connection, "decision_basis", ("decision_id", "submission"), "c.id, c.submission"),
    ]
    for round_ in range(1, times + 1):
        made = [(old, key := new_id(), seal(services.vault, house.payer, key, one), round_) for old, one in opened]
        await connection.copy_records_to_table("copied", records=made)
        for sql in copies:
            await connection.execute(sql, timeout=600)
        await connection.execute("TRUNCATE copied")
    await connection.close()
    return times * len(opened)


_SHIFTED = "c.id, o.identifier_value || '-' || c.round, o.decided_at + c.round * interval '1 minute'"


async def _copy(connection: Any, table: str, changed: tuple[str, ...], values: str) -> str:
    """Return the statement that stores rows of a table again."""
    others = await connection.fetchval(_COLUMNS, f"claimlinc.{table}", list(changed))
    named, key = ", ".join(changed), "id" if table == "decision" else "decision_id"
    kept = ", ".join(f"o.{name}" for name in others.split(", "))
    return (
        f"INSERT INTO claimlinc.{table} ({named}, {others}) SELECT {values}, {kept}"
        f" FROM copied c JOIN claimlinc.{table} o ON o.{key} = c.old"
    )


async def watch(peak: list[processes.Cost]) -> None:
    """Look at the memory of all processes, several times a second."""
    with suppress(asyncio.CancelledError):
        while True:
            peak.append(processes.cost(os.getpid()))
            await asyncio.sleep(0.25)


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    names = (
        "claims",
        "seconds",
        "claims_per_second",
        "million_in_seconds",
        "app_cpu_us",
        "database_cpu_us",
        "peak_app_mb",
    )
    head = ("stored claims", "seconds", "claims/s", "a million in s", "app µs", "database µs", "peak app MB")
    return tables.markdown(head, [tuple(f"{report[name]:,}" for name in names)])


if __name__ == "__main__":
    sys.exit(main())
