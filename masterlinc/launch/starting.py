"""Starts what does not run: the database, its migrations, demo data, the processes; asks each until it is ready."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx

from masterlinc import demo, secrets_file
from masterlinc.db.embedded import address_in
from masterlinc.db.embedded import folder as data_folder
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.errors import StartupError
from masterlinc.launch import database, records
from masterlinc.launch.layout import Layout, Member, connections, members
from masterlinc.launch.records import Record
from masterlinc.processes.heartbeat import address_of, bury
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.server import check_port
from masterlinc.settings import HttpSettings, Settings, load

READY_SECONDS = 180.0
_POLL_SECONDS = 0.1
Tell = Callable[..., None]


async def start(data: Path, layout: Layout, tell: Tell, *, demo_data: bool) -> str | None:
    """Start what does not run; returns the demo users' password where there is one; raises StartupError."""
    agents, skipped = discover()
    settings = load(layout.profile)
    assemble(settings, agents, skipped)
    wanted = members(layout, settings, [agent.name for agent in agents])
    _check_ports(data, layout, wanted)
    _forget_others(data, {one.name for one in wanted})
    password = None
    if layout.embedded:
        await _start_database(data, connections(wanted, settings), tell)
        settings.database.url = Secret(address_in(data, "app"))
        settings.database.owner_url = Secret(address_in(data, "owner"))
        settings.security.master_key = Secret(secrets_file.load(data)["master_key"])
    if settings.database.owner_url:
        count = await migrate(settings.database.owner_url.reveal(), folders_of(agents))
        if count:
            tell("migrated", count=count)
    if layout.embedded and not _running(data, wanted):
        await bury(settings.database.url.reveal())
    if layout.embedded and demo_data:
        loading = assemble(settings, agents, skipped)
        password = await demo.ensure(settings, loading, data, lambda what: tell("demo", what=what))
    started = [_start_member(data, layout, settings, one, tell) for one in wanted]
    await asyncio.gather(*(_ready(data, one, tell) for one in started))
    return password


def prepare(data: Path) -> None:
    """Make the data folder one that the embedded database takes for its own; raises StartupError."""
    data_folder.prepare(data)
    if not records.read(data):
        os.close(data_folder.hold(data))  # refuses a folder that `masterlinc up` uses, and marks a new one


def url_of(layout: Layout, port: int) -> str:
    """Return where a process is reached from here."""
    return address_of(HttpSettings(host=layout.host, port=port))


def _check_ports(data: Path, layout: Layout, wanted: list[Member]) -> None:
    known = records.read(data)
    for one in wanted:
        if one.name not in known or not records.alive(known[one.name]):
            check_port(layout.host, one.port)


def _running(data: Path, wanted: list[Member]) -> bool:
    known = records.read(data)
    return any(one.name in known and records.alive(known[one.name]) for one in wanted)


def _forget_others(data: Path, wanted: set[str]) -> None:
    for name, record in records.read(data).items():
        if name not in wanted | {database.NAME} and not records.alive(record):
            records.forget(data, name)


async def _start_database(data: Path, limit: int, tell: Tell) -> None:
    known = records.read(data).get(database.NAME)
    if known is not None and records.alive(known):
        tell("database_runs")
    else:
        log = records.log_of(data, database.NAME)
        words = [
            "-m",
            "masterlinc.launch.database",
            "--data",
            str(data),
            "--connections",
            str(limit),
            "--log",
            str(log),
        ]
        _spawn(data, database.NAME, words, {}, address="", port=0)
    record = records.read(data)[database.NAME]
    await _until(data, record, lambda: _database_answers(data))
    if known is None or known.pid != record.pid:
        tell("database")


def _start_member(data: Path, layout: Layout, settings: Settings, one: Member, tell: Tell) -> Record:
    known = records.read(data).get(one.name)
    if known is not None and records.alive(known):
        tell("runs", name=one.name, pid=known.pid, address=known.address)
        return known
    tell("started" if known is None else "died", name=one.name, port=one.port)
    words = ["-m", "masterlinc.cli", "serve", "--log", str(records.log_of(data, one.name))]
    return _spawn(data, one.name, words, _environment(layout, settings, one), url_of(layout, one.port), one.port)


def _environment(layout: Layout, settings: Settings, one: Member) -> dict[str, str]:
    """Return the settings of a process that are not those of all."""
    own = {
        "PROFILE": ",".join(name for name in (layout.profile, one.profile) if name),
        "PROCESS__NAME": one.name,
        "HTTP__HOST": layout.host,
        "HTTP__PORT": str(one.port),
    }
    if one.agents:
        own["PROCESS__AGENTS"] = "[" + ",".join(f'"{name}"' for name in one.agents) + "]"
    if layout.embedded:
        own["DATABASE__URL"] = settings.database.url.reveal()
        own["SECURITY__MASTER_KEY"] = settings.security.master_key.reveal()
    return {f"MASTERLINC_{name}": value for name, value in own.items()}


def _spawn(data: Path, name: str, words: list[str], environment: dict[str, str], address: str, port: int) -> Record:
    with records.log_of(data, name).open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, *words],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's Ctrl-C and its end are not for it
        )
    record = Record(name, child.pid, records.born(child.pid), address, port)
    records.save(data, record)
    return record


async def _ready(data: Path, record: Record, tell: Tell) -> None:
    await _until(data, record, lambda: _is_ready(record.address))
    tell("ready", name=record.name, address=record.address)


async def _until(data: Path, record: Record, answers: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it answers; raises StartupError with the end of its log where it has died or takes too long."""
    end = time.monotonic() + READY_SECONDS
    while not await answers():
        if not records.alive(record):
            raise StartupError(_failed(data, record, "ended"))
        if time.monotonic() > end:
            raise StartupError(_failed(data, record, f"is not ready after {READY_SECONDS:.0f} s"))
        await asyncio.sleep(_POLL_SECONDS)


def _failed(data: Path, record: Record, how: str) -> str:
    said = records.last_words(data, record.name)
    return f"{record.name} {how}; {records.log_of(data, record.name)} ends with:\n{said}"


async def _is_ready(address: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            return (await client.get(f"{address}/health/ready")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _database_answers(data: Path) -> bool:
    try:
        connection = await asyncpg.connect(address_in(data, "app"), timeout=2.0)
    except (OSError, StartupError, KeyError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    with contextlib.suppress(Exception):
        await connection.close()
    return True
