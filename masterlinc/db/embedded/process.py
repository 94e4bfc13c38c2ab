"""Starting and stopping PostgreSQL's processes."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from masterlinc.db.embedded.account import Account
from masterlinc.errors import StartupError

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 60.0
POLL_SECONDS = 0.01


def spawn(command: Sequence[str], account: Account, folder: Path, output: int) -> subprocess.Popen[bytes]:
    """Start a program as this account; call it in the main thread, whose end ends the program (Linux)."""
    language = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    return subprocess.Popen(  # noqa: S603 - our own command line
        list(command),
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "LC_ALL": language},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=account.uid if account.other else None,
        group=account.gid if account.other else None,
        extra_groups=[] if account.other else None,
        umask=0o077,
        start_new_session=True,  # Ctrl-C goes to us; we stop the server last
        preexec_fn=bound_to_us(),  # noqa: PLW1509 - set in the child alone, after its user has changed
    )


def bound_to_us() -> Callable[[], None] | None:
    """Return what a new child runs so that it is interrupted when we are killed, where the system can do that."""
    if sys.platform != "linux":
        return None
    library, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def bind() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return bind


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process and return its code."""
    while (code := process.poll()) is None:  # noqa: ASYNC110 - a process sets no event
        await asyncio.sleep(POLL_SECONDS)
    return code


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """End a program of ours and what it started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def stop_server(process: subprocess.Popen[bytes]) -> None:
    """Stop our server: first in order, then at once."""
    for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(order)
        try:
            await asyncio.wait_for(ended(process), STOP_SECONDS)
        except TimeoutError:
            continue


async def stop_left_server(cluster: Path) -> bool:
    """Stop a server that an earlier process left on these files; say whether there was one; raises StartupError."""
    pid = _recorded_pid(cluster)
    if pid is None:
        return False
    if not _serves(pid, cluster):
        # The number may be another program's by now, and PostgreSQL would refuse to start beside it.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        return False
    for order in (signal.SIGINT, signal.SIGQUIT):
        _signal(pid, order)
        if await _gone(pid, cluster):
            return True
    raise StartupError(f"a PostgreSQL server is left on {cluster} and does not stop (process {pid})")


async def _gone(pid: int, cluster: Path) -> bool:
    end = time.monotonic() + STOP_SECONDS
    while _serves(pid, cluster):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _signal(pid: int, order: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, order)


def _recorded_pid(cluster: Path) -> int | None:
    try:
        first = (cluster / "postmaster.pid").read_text().split("\n", 1)[0]
        return int(first)
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, cluster: Path) -> bool:
    """Say whether this process is a PostgreSQL server on these files."""
    words = _command(pid)
    return "postgres" in words.split(" ", 1)[0] and str(cluster) in words


def _command(pid: int) -> str:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""
    answer = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603 - a number
    return answer.stdout.decode("utf-8", "replace").strip()
