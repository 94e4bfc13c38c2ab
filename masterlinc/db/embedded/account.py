"""The account that the database server runs as: ours, or an unprivileged one where we are root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from masterlinc.errors import StartupError

UNPRIVILEGED = 65534


@dataclass(frozen=True)
class Account:
    """A user and group id; `other` says that it is not our own."""

    uid: int
    gid: int
    other: bool

    def own(self, path: Path, mode: int) -> None:
        """Give a file or folder to this account."""
        if self.other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(mode)

    def pass_through(self, folder: Path) -> None:
        """Keep a folder ours and let this account pass through it, without reading or writing it."""
        if self.other:
            os.chown(folder, 0, self.gid, follow_symlinks=False)
        folder.chmod(0o710 if self.other else 0o700)

    def reaches(self, path: Path) -> bool:
        """Say whether this account can pass through every folder down to this path."""
        return not self.other or all(self._passes(folder) for folder in path.resolve().parents)

    def _passes(self, folder: Path) -> bool:
        state = folder.stat()
        if state.st_uid == self.uid:
            return bool(state.st_mode & 0o100)
        return bool(state.st_mode & (0o010 if state.st_gid == self.gid else 0o001))


def server_account() -> Account:
    """Return the account for the server; raises StartupError where root finds no unprivileged one."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), other=False)
    for entry in (_by_uid(UNPRIVILEGED), _by_name("nobody")):
        if entry is not None:
            return Account(entry.pw_uid, entry.pw_gid, other=True)
    raise StartupError("PostgreSQL does not run as root, and there is no user 'nobody' for it; start as another user")


def _by_uid(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _by_name(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
