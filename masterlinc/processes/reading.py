"""Reads which processes there are, as their heartbeats tell."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.db import Transaction

_COLUMNS = "id, name, host, pid, address, agents, version, started_at, beat_at, running, draining, unwell"
_SILENT = "extract(epoch FROM greatest(now() - beat_at, interval '0'))::double precision AS silent_seconds"
_LIVES = "masterlinc.lives(beat_at, lease) AS lives"
_KNOWN = f"SELECT {_COLUMNS}, {_SILENT}, {_LIVES} FROM masterlinc.process ORDER BY name, started_at"  # noqa: S608 - our own words


class ProcessRow(Struct, frozen=True):
    """A process: what it serves, which of that is not well, what it works on, and when it was last heard of."""

    id: UUID
    name: str
    host: str
    pid: int
    address: str
    agents: tuple[str, ...]
    version: str
    started_at: datetime
    beat_at: datetime
    running: int
    draining: bool
    unwell: tuple[str, ...]
    silent_seconds: float
    lives: bool


async def known(transaction: Transaction) -> list[ProcessRow]:
    """Return every process that was heard of in the last hour and has not ended in order."""
    return [_row(row) for row in await transaction.fetch(_KNOWN)]


async def living(transaction: Transaction) -> list[ProcessRow]:
    """Return the processes that live."""
    return [one for one in await known(transaction) if one.lives]


def serving(processes: Iterable[ProcessRow], agent: str) -> list[ProcessRow]:
    """Return those that take an agent's work: a process that drains takes none."""
    return [one for one in processes if agent in one.agents and one.lives and not one.draining]


def _row(row: Any) -> ProcessRow:
    return ProcessRow(**{**dict(row), "agents": tuple(row["agents"]), "unwell": tuple(row["unwell"])})
