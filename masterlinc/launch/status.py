"""How each process is: whether it runs, whether it is ready, and what its heartbeat says."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import httpx
from msgspec import Struct

from masterlinc.db import Database
from masterlinc.db.embedded import address_in
from masterlinc.errors import StartupError, Unavailable
from masterlinc.launch import database, records
from masterlinc.launch.layout import Layout
from masterlinc.launch.records import Record
from masterlinc.processes.reading import ProcessRow, known
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings, load

_STATES = {200: "ready", 503: "not_ready"}


class State(Struct, frozen=True):
    """A process as it is now."""

    name: str
    pid: int
    port: int
    address: str
    health: str  # ready, not_ready, running (the database), silent (no answer) or down
    beat_seconds: float | None = None  # since its last heartbeat
    agents: tuple[str, ...] = ()
    running: int = 0
    draining: bool = False

    @property
    def well(self) -> bool:
        """Say whether it does its work."""
        return self.health in {"ready", "running"}


async def states(data: Path, layout: Layout) -> list[State]:
    """Ask every process that was started."""
    found = sorted(records.read(data).values(), key=lambda one: one.port)
    beats = await _heartbeats(data, layout)
    return list(await asyncio.gather(*(_state(one, beats.get(one.name, [])) for one in found)))


async def _state(record: Record, beats: list[ProcessRow]) -> State:
    health = "down"
    if records.alive(record):
        health = "running" if record.name == database.NAME else await _health(record.address)
    living = [one for one in beats if one.lives]
    return State(
        name=record.name,
        pid=record.pid,
        port=record.port,
        address=record.address,
        health=health,
        beat_seconds=round(max((one.silent_seconds for one in living or beats), default=0.0), 1) if beats else None,
        agents=tuple(sorted({agent for one in living for agent in one.agents})),
        running=sum(one.running for one in living),
        draining=any(one.draining for one in living),
    )


async def _health(address: str) -> str:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            return _STATES.get((await client.get(f"{address}/health/ready")).status_code, "silent")
    except httpx.HTTPError:
        return "silent"


async def _heartbeats(data: Path, layout: Layout) -> dict[str, list[ProcessRow]]:
    """Return the heartbeats of this host by name; none where the database does not answer."""
    try:
        url = Secret(address_in(data, "app")) if layout.embedded else load(layout.profile).database.url
        reader = Database(DatabaseSettings(url=url, pool_size=1, statement_seconds=2.0))
        await reader.open()
    except (StartupError, Unavailable, KeyError):
        return {}
    try:
        async with reader.transaction() as transaction:
            rows = await known(transaction)
    except (OSError, Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError):
        return {}
    finally:
        await reader.close()
    found: dict[str, list[ProcessRow]] = {}
    for row in rows:
        if row.host == socket.gethostname():
            found.setdefault(row.name, []).append(row)
    return found
