"""What is known of the processes that were started: a file for each, and whether it still is that process."""

# <data>/run/NAME.json   number, birth and address of a process
# <data>/run/layout.json what was asked for
# <data>/run/lock        held while processes are started or stopped
# <data>/logs/NAME.log   what it says, and NAME.log.1 what it said before

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from masterlinc.errors import StartupError
from masterlinc.launch.layout import Layout

RUN, LOGS = "run", "logs"
_LAYOUT, _LOCK = "layout.json", "lock"
_POLL_SECONDS = 0.05


class Record(Struct, frozen=True):
    """A process that was started; `born` guards against another one that has its number by now."""

    name: str
    pid: int
    born: str
    address: str
    port: int


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Let nobody else start or stop processes of this data folder; raises StartupError."""
    folder = data / RUN
    try:
        for name in (folder, data / LOGS):
            name.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise StartupError(f"the data folder {data} cannot be used: {fault.strerror}") from None
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(f"another command starts or stops the processes of {data}") from None
        yield


def log_of(data: Path, name: str) -> Path:
    """Return where a process writes."""
    return data / LOGS / f"{name}.log"


def last_words(data: Path, name: str, lines: int = 15) -> str:
    """Return the end of what a process wrote."""
    try:
        text = log_of(data, name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def save(data: Path, record: Record) -> None:
    """Remember a process."""
    _write(data / RUN / f"{record.name}.json", msgspec.json.encode(record))


def forget(data: Path, name: str) -> None:
    """Forget a process."""
    (data / RUN / f"{name}.json").unlink(missing_ok=True)


def read(data: Path) -> dict[str, Record]:
    """Return what is remembered; a file that cannot be read is none."""
    found = {}
    for path in sorted((data / RUN).glob("*.json")):
        if path.name != _LAYOUT:
            with suppress(OSError, msgspec.MsgspecError):
                record = msgspec.json.decode(path.read_bytes(), type=Record)
                found[record.name] = record
    return found


def save_layout(data: Path, layout: Layout) -> None:
    """Remember what was asked for."""
    _write(data / RUN / _LAYOUT, msgspec.json.encode(layout))


def read_layout(data: Path) -> Layout | None:
    """Return what was asked for when the processes were started."""
    try:
        return msgspec.json.decode((data / RUN / _LAYOUT).read_bytes(), type=Layout)
    except (OSError, msgspec.MsgspecError):
        return None


def alive(record: Record) -> bool:
    """Say whether this process still runs, and is the one that was started."""
    return bool(record.born) and born(record.pid) == record.born


def born(pid: int) -> str:
    """Return when a process came into being, as its system tells; empty where it is none or has ended."""
    return _born_linux(pid) if sys.platform == "linux" else _born_elsewhere(pid)


def ended(record: Record, seconds: float) -> bool:
    """Wait for the end of a process; say whether it came."""
    end = time.monotonic() + seconds
    while alive(record):
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def order(record: Record, number: signal.Signals) -> None:
    """Send a signal to a process, if it still is the one."""
    if alive(record):
        with suppress(ProcessLookupError):
            os.kill(record.pid, number)


def _born_linux(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else f"{boot} {fields[19]}"


def _born_elsewhere(pid: int) -> str:
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip()  # noqa: S603 - a number
    state, _, when = said.partition(" ")
    return "" if state.startswith("Z") else when.strip()


def _write(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    draft.replace(path)
