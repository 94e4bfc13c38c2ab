"""A PostgreSQL server of our own, in the data folder, reached through a unix socket only."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import asyncpg

from masterlinc import secrets_file
from masterlinc.beside import end
from masterlinc.db.arabic import require_arabic_trigrams
from masterlinc.db.embedded import folder, process, roles
from masterlinc.db.embedded.account import Account, server_account
from masterlinc.db.embedded.address import USERS, Role, address
from masterlinc.db.embedded.programs import find_programs
from masterlinc.errors import StartupError

SECRETS = {
    "master_key": secrets_file.random_key,
    "owner_password": secrets_file.random_password,
    "app_password": secrets_file.random_password,
    "superuser_password": secrets_file.random_password,
}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and the details of errors carry health data: the log gets neither.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# For tests: a crash of the machine may take the data, and every test module has its own pools.
FLEETING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "2400"}
READY_SECONDS = 300.0  # recovery after a crash may replay much
SLOW_SECONDS = 3.0
WATCH_SECONDS = 1.0
LINGER_SECONDS = 20.0
LOUD = ("PANIC", "FATAL", "ERROR", "error:")


def _silent(_: str) -> None:
    """Show nothing."""


class EmbeddedPostgres:
    """One running server; `start` makes it, `stop` ends it."""

    def __init__(
        self, data: Path, *, durable: bool, progress: Callable[[str], None], connections: int | None = None
    ) -> None:
        self._data = data.absolute()
        self._progress = progress
        self._settings = SETTINGS | (DURABLE if durable else FLEETING)
        if connections is not None:
            self._settings["max_connections"] = str(connections)
        self._durable = durable
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._account: Account = server_account()
        self._secrets: dict[str, str] = {}
        self._programs = self._home = self._data
        self._socket: Path | None = None

    @classmethod
    async def start(
        cls,
        data: Path,
        *,
        progress: Callable[[str], None] = _silent,
        durable: bool = True,
        connections: int | None = None,
    ) -> Self:
        """Start the server on this data folder, made first if it is new; raises StartupError."""
        server = cls(data, durable=durable, progress=progress, connections=connections)
        try:
            server._prepare()
            await server._start()
        except BaseException as fault:
            await server.stop()
            if isinstance(fault, OSError) and fault.errno is not None:
                raise folder.disk_fault(data, fault) from None
            raise
        return server

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the data folder, `master_key` among them."""
        return dict(self._secrets)

    def dsn(self, role: Role, database: str = roles.DATABASE) -> str:
        """Return an address for asyncpg that signs in as this role."""
        return address(role, self._secrets, self._socket, database)

    async def stop(self) -> None:
        """Stop the server and let go of the data folder; does nothing the second time."""
        if self._watcher is not None:
            await end(self._watcher)
            self._watcher = None
        if self._process is not None:
            await process.stop_server(self._process)
            self._process = None
        if self._socket is not None and self._socket.parent != self._home:
            shutil.rmtree(self._socket, ignore_errors=True)
        self._socket = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _cluster(self) -> Path:
        return self._home / "postgres"

    def _prepare(self) -> None:
        folder.prepare(self._data)
        self._lock = folder.hold(self._data)
        self._home = folder.server_home(self._data, self._account)
        folder.require_secrets(self._data, self._cluster)
        folder.check_space(self._home, folder.LATER_BYTES if self._cluster.exists() else folder.FIRST_BYTES)
        self._secrets = secrets_file.ensure(self._data, SECRETS)
        self._programs = find_programs(self._home, self._account)

    async def _start(self) -> None:
        if await process.stop_left_server(self._cluster):
            self._progress("PostgreSQL was left running by an earlier process; it was stopped in order")
        for leftover in self._home.glob("initdb-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._socket = folder.socket_folder(self._home, self._account)
        if not self._cluster.exists():
            self._progress(f"making the database in {self._home}")
            await self._initialise()
        self._progress("starting PostgreSQL")
        await self._launch()
        await self._furnish()
        self._watcher = asyncio.create_task(self._watch())

    async def _initialise(self) -> None:
        """Run initdb beside the place and move the result there, so that half a database is never taken for one."""
        draft = self._home / f"initdb-{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700)
        files, password = draft / "postgres", draft / "password"
        files.mkdir(mode=0o700)
        password.write_text(self._secrets["superuser_password"] + "\n")
        self._account.pass_through(draft)
        self._account.own(files, 0o700)
        self._account.own(password, 0o600)
        options = ["--pwfile", str(password), "--auth=scram-sha-256", "--username=postgres", "--no-instructions"]
        command = [str(self._programs / "initdb"), "-D", str(files), *options, *_locale(), "--data-checksums"]
        said = await self._run([*command, *([] if self._durable else ["--no-sync"])])
        if said:
            shutil.rmtree(draft, ignore_errors=True)
            raise StartupError(f"the database cannot be made: {said}")
        files.rename(self._cluster)
        shutil.rmtree(draft)

    async def _run(self, command: list[str]) -> str:
        """Run a program to its end; return what it said last if it failed."""
        log = folder.open_log(self._data)
        begin = os.fstat(log).st_size
        try:
            child = process.spawn(command, self._account, self._home, log)
        finally:
            os.close(log)
        try:
            code = await process.ended(child)
        except asyncio.CancelledError:
            process.kill_all(child)
            raise
        return self._last_words(begin) if code else ""

    async def _launch(self) -> None:
        """Start the server; a killed one's last processes may hold its memory for a moment longer."""
        end = time.monotonic() + LINGER_SECONDS
        while True:
            try:
                return await self._launch_once()
            except StartupError as fault:
                if "pre-existing shared memory" not in str(fault) or time.monotonic() > end:
                    raise
            await asyncio.sleep(WATCH_SECONDS)

    async def _launch_once(self) -> None:
        """Start the server process and wait until it answers."""
        log = folder.open_log(self._data)
        begin = os.fstat(log).st_size
        settings = self._settings | {"unix_socket_directories": str(self._socket)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._cluster), *options]
        try:
            self._process = process.spawn(command, self._account, self._home, log)
        finally:
            os.close(log)
        await self._answers(self._process, begin)

    async def _answers(self, child: subprocess.Popen[bytes], begin: int) -> None:
        started, told = time.monotonic(), False
        while not await self._connects():
            waited = time.monotonic() - started
            if child.poll() is not None:
                raise StartupError(f"PostgreSQL does not start: {self._last_words(begin)}")
            if waited > READY_SECONDS:
                raise StartupError(f"PostgreSQL does not answer: {self._last_words(begin)}")
            if waited > SLOW_SECONDS and not told:
                self._progress("PostgreSQL is putting its files in order after a crash")
                told = True
            await asyncio.sleep(process.POLL_SECONDS)

    async def _connects(self) -> bool:
        try:
            connection = await self._connection("superuser", "postgres")
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        except asyncpg.InvalidPasswordError:
            raise StartupError(f"{self._data / secrets_file.NAME} does not belong to this database") from None
        await connection.close()
        return True

    async def _connection(self, role: Role, database: str) -> Any:
        return await asyncpg.connect(self.dsn(role, database), timeout=30)

    async def _furnish(self) -> None:
        passwords = {USERS[role]: self._secrets[f"{role}_password"] for role in USERS}
        connection = await self._connection("superuser", "postgres")
        try:
            await roles.ensure_roles(connection, passwords)
            await roles.ensure_database(connection)
        finally:
            await connection.close()
        connection = await self._connection("owner", roles.DATABASE)
        try:
            await require_arabic_trigrams(connection)
        finally:
            await connection.close()

    async def _watch(self) -> None:
        """Start the server again if it goes down by itself."""
        while self._process is not None:
            if self._process.poll() is not None:
                self._progress("PostgreSQL went down; starting it again")
                try:
                    await process.stop_left_server(self._cluster)
                    self._socket = folder.socket_folder(self._home, self._account)
                    await self._launch()
                except (StartupError, OSError) as fault:
                    self._progress(str(fault))
                    return
            await asyncio.sleep(WATCH_SECONDS)

    def _last_words(self, begin: int) -> str:
        """Return the line of the log, from this position on, that says best what went wrong."""
        with (self._data / folder.LOG).open("rb") as file:
            file.seek(begin)
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        loud = [line for line in lines if any(word in line for word in LOUD) and "is starting up" not in line]
        said = (loud or lines or ["it said nothing"])[-1]
        return f"no disk space: {said}" if "No space left on device" in "\n".join(lines) else said


def _locale() -> list[str]:
    """Return the options under which Arabic letters count as letters and text sorts alike everywhere."""
    if sys.platform == "linux":
        return ["--encoding=UTF8", "--locale=C.UTF-8"]
    return ["--encoding=UTF8", "--locale=C", "--lc-ctype=en_US.UTF-8"]
