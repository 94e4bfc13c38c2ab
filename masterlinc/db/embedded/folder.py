"""The data folder: who may see it, who holds it, and where the server keeps its files."""

# <data>/              ours alone (started by root: the server's group may pass through, not look)
#     lock             held while a process uses the folder
#     secrets.json     passwords and keys
#     postgres.log     what the server says
#     server/          folder of the server, or a link to one where its account cannot come here
#         postgres/    the database files, of the server's account alone
#         run/         the socket

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from masterlinc import secrets_file
from masterlinc.db.embedded.account import Account
from masterlinc.errors import StartupError

LOCK = "lock"
LOG = "postgres.log"
ELSEWHERE = Path("/var/lib/masterlinc")
SHORT = Path("/tmp")  # nosec B108 # noqa: S108 - the folder made in it is checked for its owner and closed to others
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 100  # the system's limit is 108 on Linux and 104 on macOS
FIRST_BYTES = 300_000_000
LATER_BYTES = 50_000_000
LOG_BYTES = 10_000_000


def prepare(data: Path) -> None:
    """Make the data folder, or check that it is one; raises StartupError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in data.iterdir()} - {"lost+found"}
        state = data.stat()
    except OSError as fault:
        raise StartupError(f"the data folder {data} cannot be used: {fault.strerror}") from None
    if state.st_uid != os.geteuid():
        raise StartupError(f"the data folder {data} belongs to another user")
    if not os.access(data, os.W_OK | os.X_OK):
        raise StartupError(f"the data folder {data} cannot be written")
    if names and LOCK not in names:
        raise StartupError(f"{data} holds other files; choose an empty folder for the data")


def hold(data: Path) -> int:
    """Lock the data folder for this process and return the lock's descriptor; raises StartupError."""
    try:
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise StartupError(f"the data folder {data} cannot be written: {fault.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StartupError(f"the data folder {data} is in use by another process ({holder or 'unknown'})") from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as fault:
        os.close(descriptor)
        raise disk_fault(data, fault) from None
    return descriptor


def check_space(folder: Path, needed: int) -> None:
    """Raise StartupError where fewer bytes than needed are free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StartupError(f"no disk space: {folder} has {free // 10**6} MB free and {needed // 10**6} MB are needed")


def disk_fault(folder: Path, fault: OSError) -> StartupError:
    """Return the one line for a fault while files are written."""
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StartupError(f"no disk space: {folder} is full")
    return StartupError(f"{fault.filename or folder} cannot be written: {fault.strerror}")


def server_home(data: Path, account: Account) -> Path:
    """Return the server's own folder, made if it is missing; it lies elsewhere where its account cannot come here."""
    account.pass_through(data)
    link = data / "server"
    if not link.exists():
        if account.reaches(link):
            link.mkdir(mode=0o700)
        else:
            link.unlink(missing_ok=True)
            link.symlink_to(_make_elsewhere())
    home = link.resolve()
    account.pass_through(home)
    if not account.reaches(home / "postgres"):
        raise StartupError(f"the database server cannot reach {home}: a folder above it is closed to other users")
    return home


def socket_place(home: Path, account: Account) -> Path:
    """Return where the socket's folder is; the path is short enough for a socket."""
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        folder = SHORT / f"masterlinc-{account.uid}-{digest}"
    return folder


def socket_folder(home: Path, account: Account) -> Path:
    """Return the socket's folder, empty, made for the server's account alone."""
    folder = socket_place(home, account)
    if folder.is_symlink() or folder.exists():
        state = folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != account.uid or state.st_mode & 0o077:
            raise StartupError(f"{folder} is not a private folder of the database server; remove it")
        shutil.rmtree(folder)  # a killed server leaves its socket and the socket's lock here
    folder.mkdir(mode=0o700)
    account.own(folder, 0o700)
    return folder


def open_log(data: Path) -> int:
    """Open the server's log for appending; a large one is put aside first."""
    path = data / LOG
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def require_secrets(data: Path, cluster: Path) -> None:
    """Raise StartupError where there is a database and no secrets to open it with."""
    if cluster.exists() and not (data / secrets_file.NAME).exists():
        raise StartupError(f"{data / secrets_file.NAME} is missing; put back your copy, it opens the database")


def _make_elsewhere() -> Path:
    ELSEWHERE.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder = ELSEWHERE / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    return folder
