"""How many steps a second: two-step workflows beside DBOS on the same PostgreSQL in the same run, one after the other.

Each run has a process and a database of its own. Rounds are interleaved, and medians of the rounds are told, with the
lowest and the highest. DBOS runs as it comes and in the two ways that were the fastest of those tried; the ratio is
to the fastest of them.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks import stage, tables
from benchmarks.figures import median_of, spread
from benchmarks.machine import machine

OURS = "masterlinc"


@dataclass(frozen=True)
class Engine:
    """Who is measured, and how it is set up."""

    name: str
    module: str
    tuning: dict[str, Any]


ENGINES = (
    Engine(OURS, "benchmarks.two_steps", {}),
    Engine(
        "dbos as it comes",
        "benchmarks.two_steps_dbos",
        {"form": "async", "pool": 20, "threads": None, "datasource_pool": 10, "pre_ping": True},
    ),
    Engine(
        "dbos, 3 threads",
        "benchmarks.two_steps_dbos",
        {
            "form": "async",
            "pool": 20,
            "threads": 3,
            "datasource_pool": 4,
            "pre_ping": False,
            "worker_concurrency": 64,
            "poll_seconds": 0.02,
        },
    ),
    Engine(
        "dbos, no coroutines",
        "benchmarks.two_steps_dbos",
        {"form": "threads", "pool": 20, "threads": 4, "datasource_pool": 4, "pre_ping": False},
    ),
)


@dataclass(frozen=True)
class Load:
    """What is asked of every engine: steps of a kind, by so many callers or from a backlog."""

    steps: str
    callers: int = 0
    backlog: int = 0

    def fits(self, engine: Engine) -> bool:
        """Only ours has graphs that users send; a backlog takes the queue that is set up for it."""
        if self.steps == "graph":
            return engine.name == OURS
        return not self.backlog or engine.name == OURS or "worker_concurrency" in engine.tuning


@dataclass(frozen=True)
class Length:
    """How often and how long."""

    rounds: int
    seconds: float
    warm_up: float
    loads: tuple[Load, ...]
    engines: tuple[Engine, ...] = ENGINES


FULL = Length(
    3,
    5,
    1.5,
    (
        Load("trivial", callers=1),
        Load("trivial", callers=64),
        Load("row", callers=1),
        Load("row", callers=64),
        Load("graph", callers=64),
        Load("trivial", backlog=20_000),
    ),
)
SHORT = Length(1, 2, 1, (Load("trivial", callers=64), Load("row", callers=64)), (ENGINES[0], ENGINES[2]))


def main() -> int:
    """Measure, print JSON, and the tables of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workflows", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of 2 seconds, two engines")
    parser.add_argument("--steps", choices=("trivial", "row", "graph"), action="append", help="only steps of this kind")
    parser.add_argument("--engine", choices=[one.name for one in ENGINES], action="append", help="only this engine")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    options = parser.parse_args()
    length = SHORT if options.short else FULL
    if options.steps:
        length = dataclasses.replace(length, loads=tuple(one for one in FULL.loads if one.steps in options.steps))
    if options.engine:
        length = dataclasses.replace(length, engines=tuple(one for one in ENGINES if one.name in options.engine))
    if options.rounds:
        length = dataclasses.replace(length, rounds=options.rounds)
    report = asyncio.run(measure(length))
    print(json.dumps(report, indent=2))
    print(told(report), file=sys.stderr)
    return 0


async def measure(length: Length) -> dict[str, Any]:
    """Run every round of every load with every engine, side by side."""
    rounds: dict[tuple[Load, str], list[dict[str, Any]]] = {}
    async with stage.stage() as place:
        for _ in range(length.rounds):
            for load in length.loads:
                for engine in length.engines:
                    if load.fits(engine):
                        rounds.setdefault((load, engine.name), []).append(await _run(place, length, load, engine))
        return {
            "machine": machine(),
            "postgresql": place.settings,
            "rounds": length.rounds,
            "workflows": [_row(load, name, results) for (load, name), results in rounds.items()],
            "ratios": list(_ratios(rounds)),
        }


async def _run(place: stage.Stage, length: Length, load: Load, engine: Engine) -> dict[str, Any]:
    where = await place.database(migrated=engine.name == OURS)
    try:
        times = {} if load.backlog else {"seconds": length.seconds, "warm_up": length.warm_up}
        plan = dataclasses.asdict(where) | dataclasses.asdict(load) | times | {"tuning": engine.tuning}
        result = await stage.run(engine.module, plan)
    finally:
        await place.drop(where)
    _check(load, engine, result)
    return result


def _check(load: Load, engine: Engine, result: dict[str, Any]) -> None:
    """Fast and wrong is no figure: each workflow has two recorded steps, and each step its row."""
    workflows = result["recorded_workflows"]
    wanted = 2 * workflows
    if result["recorded_steps"] != wanted or result["rows"] != (wanted if load.steps == "row" else 0):
        raise SystemExit(f"{engine.name}: {result}")


def _row(load: Load, name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    told = {field: value for field, value in dataclasses.asdict(load).items() if value}
    speeds = [one["steps_per_second"] for one in rounds]
    left = {"recorded_workflows", "recorded_steps", "rows"}
    figures = {field: value for field, value in median_of(rounds).items() if field not in left}
    return {"engine": name} | told | figures | {"steps_per_second_from_to": spread(speeds)}


def _ratios(rounds: dict[tuple[Load, str], list[dict[str, Any]]]) -> Any:
    """Ours to the fastest of theirs: of the medians, and of each round by itself."""
    for load, name in list(rounds):
        others = [one for at, one in rounds if at == load and one != OURS]
        if name != OURS or not others:
            continue
        best = max(others, key=lambda one: median_of(rounds[load, one])["steps_per_second"])
        pairs = zip(rounds[load, OURS], rounds[load, best], strict=True)
        each = [round(mine["steps_per_second"] / theirs["steps_per_second"], 2) for mine, theirs in pairs]
        mine, theirs = median_of(rounds[load, OURS]), median_of(rounds[load, best])
        cost = {
            f"{part}_cpu": round(theirs[f"{part}_cpu_us"] / max(1, mine[f"{part}_cpu_us"]), 2)
            for part in ("app", "database")
        }
        told = {field: value for field, value in dataclasses.asdict(load).items() if value}
        speed = round(mine["steps_per_second"] / theirs["steps_per_second"], 2)
        yield (
            told
            | {"beside": best, "times_the_steps_per_second": speed, "in_each_round": each}
            | {f"{part}_of_theirs_to_ours": value for part, value in cost.items()}
        )


def told(report: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    lines = [
        (
            one["steps"],
            one.get("callers") or f"backlog of {one['backlog']:,}",
            one["engine"],
            f"{one['steps_per_second']:,}",
            " to ".join(f"{value:,}" for value in one["steps_per_second_from_to"]),
            *(one.get(f"{name}_ms", "") for name in ("p50", "p95", "p99")),
            f"{one['app_cpu_us']:,}",
            f"{one['database_cpu_us']:,}",
            one["app_mb"],
        )
        for one in sorted(report["workflows"], key=lambda one: (one["steps"], one.get("callers", 0)))
    ]
    heads = ("steps", "callers", "engine", "steps/s", "from, to", "p50 ms", "p95 ms", "p99 ms")
    return tables.markdown((*heads, "app µs", "database µs", "app MB"), lines)


if __name__ == "__main__":
    sys.exit(main())
