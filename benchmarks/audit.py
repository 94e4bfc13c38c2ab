"""How fast the audit is sealed, verified and searched.

Rows are made in the server, half of them with a patient, in transactions of ten thousand. One database is sealed by the
product's own sealer and verified by its verifier, in one process; another, larger one is searched as the role `app`,
with the queries of the API. One patient has two thousand rows.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from auditlinc import queries
from auditlinc.queries import Wanted
from benchmarks import stage, tables
from benchmarks.machine import machine
from masterlinc import runtime
from masterlinc.audit.sealer import seal_all
from masterlinc.audit.verification import verify
from masterlinc.db import Database
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import DatabaseUrls, settings_for

HOME, HOT, ACTOR = (UUID(f"0000000{number}-0000-7000-8000-000000000000") for number in (1, 2, 3))
_CHUNK = 10_000
_HOT_ROWS = 2_000
_PATIENTS = 200_000

# Ids of the last ten days, as UUIDv7 is ordered: their first 48 bits are a time.
_FILL = """
WITH made AS (
    SELECT n, lpad(to_hex(
        (extract(epoch FROM now() - interval '10 days' * (1 - n::float8 / $2::bigint)) * 1000)::bigint), 12, '0') AS ms
    FROM generate_series($1::bigint, $1::bigint + $3::bigint - 1) AS n),
rows AS (
    INSERT INTO masterlinc.audit_event (id, organization_id, actor_id, actor_kind, session_id, trace_id, action,
        resource, resource_id, patient, outcome, detail, address, purpose, actor_organization_id)
    SELECT (ms || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid, $4::uuid,
        CASE WHEN n % 1000 = 0 THEN $6::uuid ELSE md5((n % 500)::text)::uuid END, 'user', gen_random_uuid(),
        md5(n::text), (ARRAY['patient.read', 'claim.read', 'claim.list', 'claim.submit'])[1 + n % 4],
        'patient', 'R-' || n,
        CASE WHEN n % 2 = 0 THEN NULL WHEN n % ($2::bigint / $7::bigint) = 1 THEN $5::uuid
            ELSE md5('p' || n % $8::bigint)::uuid END,
        CASE WHEN n % 500 = 0 THEN 'refused' ELSE 'ok' END, '{}', '10.0.0.1', 'treatment', $4::uuid
    FROM made RETURNING id, patient)
INSERT INTO masterlinc.audit_patient SELECT patient, id, $4::uuid FROM rows WHERE patient IS NOT NULL
"""


def main() -> int:
    """Measure, print JSON, and a table of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--short", action="store_true", help="100,000 rows of each")
    parser.add_argument("--rows", type=int, default=5_000_000, help="that are searched")
    parser.add_argument("--sealed", type=int, default=1_000_000, help="that are sealed and verified")
    options = parser.parse_args()
    rows, sealed = (100_000, 100_000) if options.short else (options.rows, options.sealed)
    report = asyncio.run(measure(rows, sealed))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(rows: int, sealed: int) -> dict[str, Any]:
    """Measure sealing and verifying, and then searching."""
    async with stage.stage() as where:
        first = await where.database(migrated=True)
        await fill(first, sealed)
        chain = await sealing(first)
        await where.drop(first)
        second = await where.database(migrated=True)
        await fill(second, rows)
        found = await searching(second)
        return {"machine": machine(), "postgresql": where.settings, "chain": chain, "rows": rows, "search_ms": found}


async def fill(place: stage.Place, rows: int) -> None:
    """Make rows."""
    connection = await asyncpg.connect(place.owner)
    for start in range(0, rows, _CHUNK):
        part = min(_CHUNK, rows - start)
        await connection.execute(_FILL, start, rows, part, HOME, HOT, ACTOR, _HOT_ROWS, _PATIENTS, timeout=600)
    await connection.execute("VACUUM ANALYZE", timeout=1200)
    await connection.close()


async def sealing(place: stage.Place) -> dict[str, Any]:
    """Seal everything and verify it, as the commands do."""
    settings = settings_for(DatabaseUrls(place.owner, place.app))
    services = runtime.build(settings, assemble(settings, *discover()))
    await services.db.open()
    services.db.unsaved = None  # the keys of this run are needed for as long as it lasts
    began = time.perf_counter()
    rows = await seal_all(services)
    sealed = time.perf_counter() - began
    await services.db.close()
    await services.http.aclose()
    connection = await asyncpg.connect(place.owner, server_settings={"jit": "off"})
    began = time.perf_counter()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        report = await verify(connection)
    verified = time.perf_counter() - began
    await connection.close()
    if not report.ok:
        raise SystemExit(f"the chain does not verify: {report.faults[0]}")
    return {
        "rows": rows,
        "seals": report.seals,
        "sealed_rows_per_second": round(rows / sealed),
        "verified_rows_per_second": round(report.rows / verified),
    }


async def searching(place: stage.Place) -> dict[str, dict[str, float]]:
    """Ask what the API asks, in an organization's scope."""
    database = Database(DatabaseSettings(url=Secret(place.app), statement_seconds=60))
    await database.open()
    scope = frozenset({HOME})

    async def timed(ask: Callable[[Any], Awaitable[Any]]) -> dict[str, float]:
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            async with database.transaction(scope) as transaction:
                if not await ask(transaction):
                    raise SystemExit("a search found nothing")
            taken.append((time.perf_counter() - began) * 1000)
        return {"first": round(taken[0], 2), "median": round(median(taken), 2), "longest": round(max(taken), 2)}

    wanted = {
        "by patient": Wanted(organizations=scope, patient=HOT),
        "by actor": Wanted(organizations=scope, actor=ACTOR),
        "by action": Wanted(organizations=scope, action="claim.submit"),
        "by resource": Wanted(organizations=scope, resource_id="R-777"),
        "refused": Wanted(organizations=scope, outcome="refused"),
        "newest": Wanted(organizations=scope),
    }
    try:
        return {"who saw a patient (2,000 rows)": await timed(lambda tx: queries.viewers(tx, HOT))} | {
            name: await timed(lambda tx, one=one: queries.events(tx, one))  # type: ignore[misc]
            for name, one in wanted.items()
        }
    finally:
        await database.close()


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    chain = report["chain"]
    lines = [(name, one["first"], one["median"], one["longest"]) for name, one in report["search_ms"].items()]
    return (
        f"{chain['rows']:,} rows sealed at {chain['sealed_rows_per_second']:,} rows/s,"
        f" verified at {chain['verified_rows_per_second']:,} rows/s\n\n"
        + tables.markdown((f"search over {report['rows']:,} rows", "first ms", "median ms", "longest ms"), lines)
    )


if __name__ == "__main__":
    sys.exit(main())
