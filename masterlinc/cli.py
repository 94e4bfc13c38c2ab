"""The command `masterlinc`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masterlinc import __version__
from masterlinc.errors import DomainError, StartupError, the_one

if TYPE_CHECKING:
    from masterlinc.context import Services


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. A fault of the set-up is one line on standard error."""
    try:
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
    except (StartupError, DomainError) as fault:
        return _refuse(fault)
    except BaseExceptionGroup as group:
        only = the_one(group)
        if not isinstance(only, StartupError | DomainError):
            raise
        return _refuse(only)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read, as `head` does, has enough; the flush at the interpreter's end must pass
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _refuse(fault: BaseException) -> int:
    faults = fault.errors if isinstance(fault, DomainError) else ()
    print(f"masterlinc: {'; '.join(f'{one.path}: {one.detail}' for one in faults) or fault}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    from masterlinc.audit import cli as audit
    from masterlinc.authoring import cli as authoring
    from masterlinc.events import cli as events_cli
    from masterlinc.keys import cli as keys_cli
    from masterlinc.launch import cli as launch
    from masterlinc.registry import discover
    from masterlinc.tools import cli as tools_cli

    parser = argparse.ArgumentParser(
        prog="masterlinc", description="Saudi health insurance, from the visit to the money."
    )
    parser.add_argument("--version", action="version", version=f"masterlinc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="run everything here: embedded PostgreSQL, demo data, the NPHIES simulator")
    up.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    up.add_argument("--port", type=int, default=8000, help="port to serve on (default: %(default)s)")
    up.add_argument(
        "--data", type=Path, default=Path(".data"), help="folder for the database and keys (default: %(default)s)"
    )
    up.add_argument("--no-demo", action="store_true", help="load no demo data")
    up.set_defaults(run=_up)

    serve = commands.add_parser("serve", help="serve with the configured database, nothing embedded, no demo")
    serve.add_argument("--log", type=Path, help="write to this file, which is kept short, and not to standard error")
    serve.set_defaults(run=_serve)

    migrate = commands.add_parser("migrate", help="bring the database (database.owner_url) to this version")
    migrate.set_defaults(run=_migrate)

    agents = commands.add_parser("agents", help="list the agents, and why one does not run")
    agents.set_defaults(run=_agents)

    launch.add(commands)
    authoring.add(commands)
    tools_cli.add(commands)
    keys_cli.add(commands)
    events_cli.add(commands, _with_services)
    audit.add(commands, _with_services)

    for agent in discover()[0]:
        for add in agent.cli:
            add(commands)
    return parser


def _up(options: argparse.Namespace) -> int:
    from masterlinc.up import up

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(up(options.host, options.port, options.data, demo_data=not options.no_demo))


def _serve(options: argparse.Namespace) -> int:
    from masterlinc import runtime
    from masterlinc.asgi import application
    from masterlinc.drain import Drain
    from masterlinc.observe.logfile import write_to
    from masterlinc.observe.logs import configure
    from masterlinc.registry import assemble, discover
    from masterlinc.server import serve_embedded, serve_workers
    from masterlinc.settings import load

    if options.log is not None:
        write_to(options.log)
    configure()
    settings = load()
    http = settings.http
    app = application()  # routes and roles: a fault is told here, not by every worker
    if http.workers == 1:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve_embedded(app, http.host, http.port))
        return 0
    asyncio.run(runtime.check(settings, assemble(settings, *discover())))
    drain = Drain(settings.process.drain_seconds, settings.process.unready_seconds)
    serve_workers("masterlinc.asgi:application", http.host, http.port, http.workers, drain)
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from masterlinc.db.migrate import folders_of, migrate
    from masterlinc.registry import discover
    from masterlinc.settings import load

    settings = load()
    if not settings.database.owner_url:
        raise StartupError("database.owner_url is not set: migrations run as the role `owner`, not as `app`")
    agents, _skipped = discover()
    count = asyncio.run(migrate(settings.database.owner_url.reveal(), folders_of(agents), print))
    print(f"{count} migrations run" if count else "nothing to migrate")
    return 0


def _agents(_: argparse.Namespace) -> int:
    from masterlinc.registry import assemble, discover
    from masterlinc.settings import load

    found, skipped = discover()
    try:
        registry = assemble(load(), found, skipped)
    except StartupError:  # told after the list: what is installed does not depend on the settings
        for agent in found:
            print(f"{agent.name:<14} {agent.version:<8} installed {agent.title}")
        raise
    for agent in registry.agents:
        print(f"{agent.name:<14} {agent.version:<8} enabled   {agent.title}")
    for agent in registry.disabled:
        print(f"{agent.name:<14} {agent.version:<8} disabled  {agent.title}")
    for one in registry.skipped:
        print(f"{one.name:<14} {'':<8} skipped   {one.reason}")
    return 0


def _with_services(work: "Callable[[Services], Awaitable[None]]") -> int:
    """Do work over the configured database, and leave what it queued to the processes that serve."""
    from masterlinc import runtime
    from masterlinc.registry import assemble, discover
    from masterlinc.settings import load

    async def run() -> None:
        settings = load()
        async with runtime.opened(settings, assemble(settings, *discover())) as services:
            await work(services)

    asyncio.run(run())
    return 0


def _loop_factory() -> "Callable[[], asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
