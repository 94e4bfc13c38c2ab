"""How many steps a second: two-step workflows beside DBOS on the same PostgreSQL in the same run, one after the other.

Each run has a process and a database of its own. Rounds are interleaved, and medians of the rounds are told, with the
lowest and the highest. Ours runs as it comes; DBOS does, and in the ways that were the fastest of those tried. Ratios
are of the two as they come, and of the fastest of each.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import stage, tables
from benchmarks.figures import median_of, spread
from benchmarks.machine import machine

OURS, THEIRS = "masterlinc", "dbos"
_KEPT_APART = frozenset({"recorded_workflows", "recorded_steps", "rows"})


@dataclass(frozen=True)
class Engine:
    """Who is measured, and how it is set up."""

    name: str
    module: str
    tuning: dict[str, Any]

    @property
    def ours(self) -> bool:
        """Say whether it is our own."""
        return self.name.startswith(OURS)


ENGINES = (
    Engine("masterlinc as it comes", "benchmarks.two_steps", {}),
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
            return engine.ours
        return not self.backlog or engine.ours or "worker_concurrency" in engine.tuning


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
    parser.add_argument("--short", action="store_true", help="one round of 2 seconds, an engine of each")
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
    where = await place.database(migrated=engine.ours)
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
    speeds = [one["steps_per_second"] for one in rounds]
    figures = {field: value for field, value in median_of(rounds).items() if field not in _KEPT_APART}
    return {"engine": name} | _asked(load) | figures | {"steps_per_second_from_to": spread(speeds)}


def _ratios(rounds: dict[tuple[Load, str], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Ours to theirs, as they come and the fastest of each: of the medians, and of each round by itself."""
    for load in dict.fromkeys(at for at, _ in rounds):
        measured = {name: results for (at, name), results in rounds.items() if at == load}
        for choice in ("as it comes", "fastest"):
            pair = [_chosen(measured, engine, choice) for engine in (OURS, THEIRS)]
            if None not in pair:
                yield _asked(load) | {"which": choice} | _ratio(measured, *pair)


def _chosen(measured: dict[str, list[dict[str, Any]]], engine: str, choice: str) -> str | None:
    names = [name for name in measured if name.startswith(engine)]
    if choice == "as it comes":
        return next((name for name in names if name.endswith(choice)), None)
    return max(names, key=lambda name: median_of(measured[name])["steps_per_second"], default=None)


def _ratio(measured: dict[str, list[dict[str, Any]]], mine: str, theirs: str) -> dict[str, Any]:
    speeds = [[one["steps_per_second"] for one in measured[name]] for name in (mine, theirs)]
    costs = [median_of(measured[name]) for name in (mine, theirs)]
    processor = [one["app_cpu_us"] + one["database_cpu_us"] for one in costs]
    return {
        "ours": mine,
        "theirs": theirs,
        "times_their_steps_per_second": round(costs[0]["steps_per_second"] / costs[1]["steps_per_second"], 2),
        "in_each_round": [round(one / other, 2) for one, other in zip(*speeds, strict=True)],
        "times_our_processor_time": round(processor[1] / processor[0], 2),
    }


def _asked(load: Load) -> dict[str, Any]:
    return {field: value for field, value in dataclasses.asdict(load).items() if value}


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
    table = tables.markdown((*heads, "app µs", "database µs", "app MB"), lines)
    ratios = [
        (
            one["steps"],
            one.get("callers") or f"backlog of {one['backlog']:,}",
            one["ours"],
            one["theirs"],
            one["times_their_steps_per_second"],
            " to ".join(str(value) for value in spread(one["in_each_round"])),
            one["times_our_processor_time"],
        )
        for one in report["ratios"]
    ]
    heads = ("steps", "callers", "ours", "theirs", "ours to theirs, steps/s", "in the rounds", "theirs to ours, CPU")
    return f"{table}\n\n{tables.markdown(heads, ratios)}"


if __name__ == "__main__":
    sys.exit(main())
