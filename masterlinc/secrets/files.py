"""Secrets in files, as a container's secrets are mounted."""

import os
import stat
from pathlib import Path

_MOST_BYTES = 65_536
Stamp = tuple[int, int, int, int]


class SourceFault(Exception):
    """A secret cannot be read from where it is kept; the words never hold it."""


def read_file(path: str, *, closed: bool = True) -> str:
    """Return a file's text without the end of its last line; raises SourceFault, where it is open to others too."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if closed and os.fstat(descriptor).st_mode & stat.S_IRWXO:
                raise SourceFault(f"{path} can be read by others; run: chmod o= {path}")
            data = file.read(_MOST_BYTES + 1)
    except OSError as fault:
        raise SourceFault(f"{path} cannot be read: {fault.strerror}") from None
    return _text(path, data)


def stamp(path: str) -> Stamp | None:
    """Return what tells a changed file from the one before, also behind links; None where there is none."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


def _text(path: str, data: bytes) -> str:
    if len(data) > _MOST_BYTES:
        raise SourceFault(f"{path} is too large for a secret")
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SourceFault(f"{path} is no text") from None
    if not text or "\0" in text:
        raise SourceFault(f"{path} holds no secret")
    return text
