"""A log file that does not grow without end, for a process in the background."""

import fcntl
import os
import shutil
import threading
import time
from pathlib import Path

LIMIT = 10_000_000
_LOOK_SECONDS = 5.0
_STANDARD = (1, 2)


def write_to(path: Path, limit: int = LIMIT) -> None:
    """Send what this process and its children write to a file; what is over the limit goes to `FILE.1`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for number in _STANDARD:
        os.dup2(descriptor, number)
    cut(path, descriptor, limit)
    threading.Thread(target=_watch, args=(path, descriptor, limit), name="log-file", daemon=True).start()


def cut(path: Path, descriptor: int, limit: int) -> bool:
    """Put a file that is too long aside and begin it anew: writers that append keep their descriptors."""
    if os.fstat(descriptor).st_size <= limit:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # of several processes on one file, one cuts
    try:
        if os.fstat(descriptor).st_size <= limit:
            return False
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.ftruncate(descriptor, 0)
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _watch(path: Path, descriptor: int, limit: int) -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            cut(path, descriptor, limit)
        except OSError:  # a full disk, say: the next look comes
            continue
