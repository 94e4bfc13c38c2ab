"""The HTTP server: Granian, inside this process or with worker processes."""

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from masterlinc.errors import StartupError

STOP_SECONDS = 25.0  # a supervisor's usual 30, less what the database needs to stop after us
WORKER_STOP_SECONDS = 30
BACKLOG = 1024
BACKPRESSURE = 512  # requests in the application at once; the rest wait in the kernel
HEADER_MILLISECONDS = 10_000
SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Granian's own lines go the way of all others, from errors upwards; no handler of ours is touched.
LOGGING = {"version": 1, "incremental": True, "formatters": {}, "handlers": {}, "loggers": {"_granian": {}}}

_log = logging.getLogger(__name__)


def reserve_port(host: str, port: int) -> socket.socket:
    """Take this address for us, without listening yet; raises StartupError where that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        reserved = socket.socket(family, kind, protocol)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # Granian binds beside it
        reserved.bind(address)
    except OSError as fault:
        raise StartupError(_why(host, port, fault)) from None
    return reserved


def check_port(host: str, port: int) -> None:
    """Raise StartupError where this address cannot be listened on."""
    reserve_port(host, port).close()


async def serve_embedded(
    app: Litestar,
    host: str,
    port: int,
    *,
    reserved: socket.socket | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve in this process until SIGINT or SIGTERM; `ready` is called once it answers; raises StartupError."""
    reserved = reserved or reserve_port(host, port)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # the lifespan is run here, so that its faults reach the caller
        **_options(),
    )
    server.workers_kill_timeout = STOP_SECONDS  # type: ignore[assignment] # an int in its signature, any number in use
    with reserved:
        async with app.lifespan():
            reserved.close()
            greeting = asyncio.create_task(_greet(host, port, ready))
            try:
                await _until_signalled(server)
            finally:
                greeting.cancel()


def serve_workers(factory: str, host: str, port: int, workers: int) -> None:
    """Serve with worker processes until SIGINT or SIGTERM; `factory` is `module:function` that makes the app."""
    check_port(host, port)
    Granian(
        factory,
        address=host,
        port=port,
        workers=workers,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_STOP_SECONDS,
        **_options(),
    ).serve(target_loader=_make_app)


def _make_app(factory: str) -> Any:
    """Make the app in a worker, which inherits handlers that would swallow a signal until it serves."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    module, _, function = factory.partition(":")
    return getattr(import_module(module), function)()


def _options() -> dict[str, Any]:
    return {
        "backlog": BACKLOG,
        "backpressure": BACKPRESSURE,
        "http1_settings": HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        "log_access": False,
        "log_level": LogLevels.error,
        "log_dictconfig": LOGGING,
    }


async def _until_signalled(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve()
    except TimeoutError:
        _log.warning("some requests did not end within %s seconds and were cut off", STOP_SECONDS)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def _greet(host: str, port: int, ready: Callable[[], None] | None) -> None:
    """Call `ready` as soon as a connection is taken."""
    while ready is not None:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        ready()
        return


def _why(host: str, port: int, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what uses it or choose another port"
    if fault.errno in {errno.EACCES, errno.EPERM}:
        return f"port {port} on {host} is not allowed for this user; choose one above 1023"
    return f"cannot listen on {host}:{port}: {fault.strerror or fault}"
