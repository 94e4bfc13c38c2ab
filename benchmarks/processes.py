"""What the processes of a system cost, from /proc: processor time and memory, ours and PostgreSQL's apart."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Processor seconds since the start, and megabytes now, of the application and of PostgreSQL."""

    app_seconds: float
    database_seconds: float
    app_megabytes: float
    database_megabytes: float

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(
            self.app_seconds - before.app_seconds,
            self.database_seconds - before.database_seconds,
            self.app_megabytes,
            self.database_megabytes,
        )


def cost(root: int) -> Cost:
    """Return what the process `root` and all below it have cost."""
    tree = [root, *_below(root)]
    database = [pid for pid in tree if _name(pid) == "postgres"]
    app = [pid for pid in tree if pid not in database]
    return Cost(
        sum(map(_seconds, app)), sum(map(_seconds, database)), sum(map(_resident, app)), sum(map(_share, database))
    )


def busy(root: int) -> float:
    """Return the processor seconds of everything below and with `root`."""
    now = cost(root)
    return now.app_seconds + now.database_seconds


def _below(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, _read(children).split()):
            yield child
            yield from _below(child)


def _name(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/comm")).strip()


def _seconds(pid: int) -> float:
    """Its own time, and that of its children that have ended."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _resident(pid: int) -> float:
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def _share(pid: int) -> float:
    """Its share of memory: PostgreSQL's processes share their buffers."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def _kilobytes(path: Path, label: str) -> int:
    return next((int(line.split()[1]) for line in _read(path).splitlines() if line.startswith(label)), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # it has ended meanwhile
        return ""
