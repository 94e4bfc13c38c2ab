"""`masterlinc start`, `masterlinc stop` and `masterlinc status`."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from masterlinc.errors import StartupError

_DEMO = "demo"


def add(commands: Any) -> None:
    """Add the three commands to `masterlinc`."""
    start = commands.add_parser("start", help="start the processes of this machine in the background")
    start.add_argument(
        "--topology",
        choices=("single", "per-agent"),
        help="one process of everything, or one an agent",
    )
    start.add_argument("--replicas", type=int, help="how many of each (default: 1)")
    start.add_argument("--host", help="address to serve on (default: 127.0.0.1)")
    start.add_argument("--port", type=int, help="the first port (default: 8000)")
    start.add_argument("--no-demo", action="store_true", help="load no demo data")
    start.set_defaults(run=_start)
    stop = commands.add_parser("stop", help="stop them, the database last")
    stop.add_argument("--seconds", type=float, default=30.0, help="until one is killed (default: %(default)s)")
    stop.set_defaults(run=_stop)
    status = commands.add_parser("status", help="show them; the exit code is 1 when one does not run")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(run=_status)
    for parser in (start, stop, status):
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(".data"),
            help="folder of database, keys and logs (default: %(default)s)",
        )


def _start(options: argparse.Namespace) -> int:
    from rich.console import Console

    from masterlinc import demo
    from masterlinc.launch import records, starting
    from masterlinc.launch.wording import teller

    data, console = options.data.absolute(), Console()
    layout = _layout(options, data)
    if layout.embedded:
        starting.prepare(data)
    tell = teller(console)
    with records.held(data):
        records.save_layout(data, layout)
        password = asyncio.run(starting.start(data, layout, tell, demo_data=not options.no_demo))
    tell("up")
    if password is not None:
        tell("users", users=", ".join(f"{role}@{demo.DOMAIN}" for role in demo.ROLES), password=password)
    return 0


def _layout(options: argparse.Namespace, data: Path) -> Any:
    """What is asked for; what is not said is as it was, or as usual; raises StartupError where other processes run."""
    from masterlinc.launch import records
    from masterlinc.launch.layout import Layout
    from masterlinc.settings import load

    before, known = records.read_layout(data), records.read(data)
    running = [one.name for one in known.values() if records.alive(one)]
    usual = before if before is not None and known else Layout(profile=os.environ.get("MASTERLINC_PROFILE", ""))
    said = {name: getattr(options, name) for name in ("topology", "replicas", "host", "port")}
    layout: Layout = msgspec.structs.replace(usual, **{name: one for name, one in said.items() if one is not None})
    if layout.replicas < 1:
        raise StartupError("--replicas is 1 or more")
    if running:
        if layout != before:
            raise StartupError(f"other processes run here ({', '.join(running)}); stop them first: masterlinc stop")
        return layout
    embedded = not load(layout.profile).database.url
    return msgspec.structs.replace(layout, embedded=embedded, profile=layout.profile or (_DEMO if embedded else ""))


def _stop(options: argparse.Namespace) -> int:
    from rich.console import Console

    from masterlinc.launch import records
    from masterlinc.launch.stopping import stop
    from masterlinc.launch.wording import teller

    tell, data = teller(Console()), options.data.absolute()
    if not records.read(data):
        tell("nothing")
        return 0
    with records.held(data):
        return 0 if stop(data, tell, options.seconds) else 1


def _status(options: argparse.Namespace) -> int:
    from rich.console import Console

    from masterlinc.launch import records
    from masterlinc.launch.layout import Layout
    from masterlinc.launch.status import states
    from masterlinc.launch.wording import table, teller

    data, console = options.data.absolute(), Console()
    found = asyncio.run(states(data, records.read_layout(data) or Layout()))
    if options.json:
        print(msgspec.json.encode({"processes": found}).decode())
    elif found:
        console.print(table(found))
    if not found and not options.json:
        teller(console)("nothing")
    return 0 if found and all(one.well for one in found) else 1
