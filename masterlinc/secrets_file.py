"""The secrets that a data folder keeps for itself: `secrets.json`, readable by its owner only."""

import base64
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from masterlinc.errors import StartupError

NAME = "secrets.json"


def random_password() -> str:
    """Return a new password: 32 characters that need no quoting in a DSN or in SQL."""
    return secrets.token_hex(16)


def random_key() -> str:
    """Return 32 new random bytes as base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def load(folder: Path) -> dict[str, str]:
    """Read the secrets of this folder; none yet is an empty dict; raises StartupError."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    except OSError as fault:
        raise StartupError(f"{path} cannot be read: {fault.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            raise StartupError(f"{path} can be read by others; run: chmod 600 {path}")
        return _decode(path, file.read())


def save(folder: Path, values: Mapping[str, str]) -> None:
    """Write the secrets of this folder so that a crash leaves the old ones or the new ones; raises StartupError."""
    path = folder / NAME
    draft = folder / f".{NAME}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(dict(values), indent=1, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
        _sync_folder(folder)
    except OSError as fault:
        draft.unlink(missing_ok=True)
        raise StartupError(f"{path} cannot be written: {fault.strerror}") from None


def ensure(folder: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Return the secrets of this folder, with those that were missing made and saved."""
    values = load(folder)
    missing = [name for name in makers if name not in values]
    if missing:
        values |= {name: makers[name]() for name in missing}
        save(folder, values)
    return values


def _decode(path: Path, data: bytes) -> dict[str, str]:
    try:
        values = json.loads(data)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise StartupError(f"{path} is damaged; put back your copy of it")
    return values


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
