"""`masterlinc up`: the whole system on one machine, with an embedded PostgreSQL and demo data."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from masterlinc import demo
from masterlinc.app import API, create_app
from masterlinc.db.embedded import EmbeddedPostgres
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.observe.logs import configure
from masterlinc.processes.heartbeat import bury
from masterlinc.registry import assemble, discover
from masterlinc.runtime import settle
from masterlinc.secrets import Secret
from masterlinc.server import reserve_port, serve_embedded
from masterlinc.settings import Settings, load

PROFILE = "demo"


async def up(host: str, port: int, data: Path, *, demo_data: bool) -> int:
    """Start everything, serve until a signal comes, stop everything; raises StartupError."""
    configure("WARNING")
    # Until the server takes signals, an order to stop ends the start as Ctrl-C does, and the database with it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    with reserve_port(host, port) as reserved:
        await _run(reserved, host, port, data, demo_data=demo_data)
    return 0


async def _run(reserved: socket.socket, host: str, port: int, data: Path, *, demo_data: bool) -> None:
    console = Console()
    tell = _teller(console)
    agents, skipped = discover()
    settings = load(PROFILE)
    assemble(settings, agents, skipped)  # a fault of the configuration is told before anything is made
    postgres = await EmbeddedPostgres.start(data, progress=tell)
    try:
        _point_at(settings, postgres, host, port)
        count = await migrate(postgres.dsn("owner"), folders_of(agents))
        if count:
            tell(f"database brought to this version ({count} migrations)")
        await bury(settings.database.url.reveal())
        registry = assemble(settings, agents, skipped)
        password = await demo.ensure(settings, registry, data, tell) if demo_data else None
        app = create_app(settings, registry)
        app.on_startup.append(settle)
        await serve_embedded(
            app, host, port, reserved=reserved, ready=lambda: _welcome(console, host, port, data, password)
        )
    finally:
        tell("stopping")
        await postgres.stop()


def _point_at(settings: Settings, postgres: EmbeddedPostgres, host: str, port: int) -> None:
    settings.database.url, settings.database.owner_url = Secret(postgres.dsn("app")), Secret(postgres.dsn("owner"))
    settings.security.master_key = Secret(postgres.secrets["master_key"])
    settings.http.host, settings.http.port = host, port


def _teller(console: Console) -> Callable[[str], None]:
    started = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/]  {what}", highlight=False, soft_wrap=True)

    return tell


def _welcome(console: Console, host: str, port: int, data: Path, password: str | None) -> None:
    base = f"http://{host}:{port}"
    lines = [
        "",
        "[bold]MASTERLINC is up[/]  ·  [bold]ماسترلينك جاهز[/]",
        f"  API        {base}{API}",
        f"  Docs       {base}{API}/docs",
        f"  Health     {base}/health",
        f"  Data       {data.absolute()}",
    ]
    if password is not None:
        users = ", ".join(demo.ROLES)
        lines += [f"  Users      {users}  @{demo.DOMAIN}", f"  Password   {password}"]
        example = "docs/examples/claim-professional.json"
        lines += ["", f"  Try        .venv/bin/masterlinc submit {example} --url {base} --data {data}"]
        lines += ["  Stop       Ctrl-C", ""]
    console.print("\n".join(lines), highlight=False, markup=True, soft_wrap=True)
