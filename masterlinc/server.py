"""The HTTP server: Granian, inside this process or with worker processes."""

import asyncio
import contextlib
import ctypes
import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from masterlinc.drain import Drain
from masterlinc.errors import StartupError

STOP_SECONDS = 25.0  # of an application that brings no Drain of its own
CLOSE_SECONDS = 3  # what a worker may need after its drain until it is killed
EXIT_LATE = 70  # of a process that did not end in time
PR_SET_PDEATHSIG = 1
DRAIN = signal.SIGUSR1  # from the command to its workers: take nothing new, the order to stop follows
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
    """Serve in this process until SIGINT or SIGTERM, then drain; `ready` is called once it answers.

    The application's own Drain is in `app.state.drain`; a second signal shortens its first part. Raises StartupError.
    """
    reserved = reserved or reserve_port(host, port)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # the lifespan is run here, so that its faults reach the caller
        **_options(),
    )
    with reserved, _gone_in_time() as be_gone_by:
        async with app.lifespan():
            reserved.close()
            greeting = asyncio.create_task(_greet(host, port, ready))
            try:
                await _until_signalled(server, app.state.get("drain") or Drain(STOP_SECONDS), be_gone_by)
            finally:
                greeting.cancel()


def serve_workers(factory: str, host: str, port: int, workers: int, drain: Drain | None = None) -> None:
    """Serve with worker processes until SIGINT or SIGTERM; `factory` is `module:function` that makes the app."""
    drain = drain or Drain(STOP_SECONDS)
    check_port(host, port)
    signal.signal(DRAIN, signal.SIG_IGN)  # inherited: a worker that does not serve yet must not die of it
    server = Granian(
        factory,
        address=host,
        port=port,
        workers=workers,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        respawn_failed_workers=True,
        workers_kill_timeout=max(1, int(drain.left() - drain.unready) + CLOSE_SECONDS),
        **_options(),
    )
    server.on_startup(lambda: _drain_workers_first(server, drain.unready))
    server.serve(target_loader=_make_app)


def _drain_workers_first(server: Any, unready: float) -> None:
    """Have the workers told to drain before they are stopped; a second signal stops them at once."""
    ordered = threading.Event()

    def order(*_: Any) -> None:
        if ordered.is_set():
            server.signal_handler_interrupt()
            return
        ordered.set()
        for worker in server.wrks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.inner.pid, DRAIN)
        waiting = threading.Timer(unready, server.signal_handler_interrupt)
        waiting.daemon = True
        waiting.start()

    for number in SIGNALS:
        signal.signal(number, order)


def drain_when_told(drain: Drain) -> None:
    """Begin to drain in a worker process when the command says so; called in its event loop."""
    asyncio.get_running_loop().add_signal_handler(DRAIN, drain.begin)


def _make_app(factory: str) -> Any:
    """Make the app in a worker, which inherits handlers that would swallow a signal until it serves."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent()
    module, _, function = factory.partition(":")
    return getattr(import_module(module), function)()


def _end_with_parent() -> None:
    """Have the system end this worker when the command is killed (Linux): left alone it would keep the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        parent = multiprocessing.parent_process()
        if parent is not None and os.getppid() != parent.pid:
            os._exit(1)


def _options() -> dict[str, Any]:
    return {
        "backlog": BACKLOG,
        "backpressure": BACKPRESSURE,
        "http1_settings": HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        "log_access": False,
        "log_level": LogLevels.error,
        "log_dictconfig": LOGGING,
    }


async def _until_signalled(server: Server, drain: Drain, be_gone_by: Callable[[float], None]) -> None:
    loop, ordered, hurried = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def order() -> None:
        if ordered.is_set():
            hurried.set()
            return
        ordered.set()
        be_gone_by(drain.left() + CLOSE_SECONDS)

    for number in SIGNALS:
        loop.add_signal_handler(number, order)
    stopping = asyncio.create_task(_stop_when_ordered(server, drain, ordered, hurried))
    try:
        await server.serve()
    except TimeoutError:
        _log.warning("some requests did not end in time and were cut off")
    finally:
        stopping.cancel()
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _gone_in_time() -> Iterator[Callable[[float], None]]:
    """Yield what ends this process if the block has not ended by then: a supervisor must not wait for ever."""
    timers: list[threading.Timer] = []

    def end() -> None:
        _log.error("the process did not end in time and was ended")
        os._exit(EXIT_LATE)

    def be_gone_by(seconds: float) -> None:
        timers.append(threading.Timer(seconds, end))
        timers[-1].daemon = True
        timers[-1].start()

    try:
        yield be_gone_by
    finally:
        for timer in timers:
            timer.cancel()


async def _stop_when_ordered(server: Server, drain: Drain, ordered: asyncio.Event, hurried: asyncio.Event) -> None:
    await ordered.wait()
    drain.begin()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(drain.unready):
            await hurried.wait()
    server.workers_kill_timeout = max(0.1, drain.left())  # type: ignore[assignment] # an int in its signature, any number in use
    server.stop()  # type: ignore[no-untyped-call]


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
