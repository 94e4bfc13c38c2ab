"""Where engines are measured: one durable PostgreSQL, a new database for each run, each run a process of its own."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from masterlinc.db.embedded import EmbeddedPostgres, ensure_database
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.ids import new_id
from masterlinc.testing_servers import start_test_postgres

CORES = 2
_TEMPLATE = "migrated"


@dataclass(frozen=True)
class Place:
    """A database of one run: its addresses, and the server's process."""

    app: str
    owner: str
    superuser: str
    postgres: int


class Stage:
    """The server that all runs share."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self._server = server
        self.folder = folder
        self._migrated = False
        self.settings: dict[str, str] = {}

    async def database(self, *, migrated: bool) -> Place:
        """Make a database, with our tables where they are asked for; what is left to write is written first."""
        if migrated and not self._migrated:
            await self._migrate()
            self._migrated = True
        name = f"b{new_id().hex}"
        connection = await asyncpg.connect(self._server.dsn("superuser", "postgres"))
        try:
            await ensure_database(connection, name, _TEMPLATE if migrated else "template1")
            await connection.execute("CHECKPOINT")
            shown = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", list(_TOLD))
            self.settings = dict(shown)
        finally:
            await connection.close()
        server = self._server
        return Place(server.dsn("app", name), server.dsn("owner", name), server.dsn("superuser", name), _postmaster())

    async def drop(self, place: Place) -> None:
        """Remove a database, so that no vacuum of it runs beside the next run."""
        connection = await asyncpg.connect(self._server.dsn("superuser", "postgres"))
        try:
            name = place.app.split("@/")[1].split("?")[0]
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def _migrate(self) -> None:
        """Make the database that ours are copies of: the kernel's tables, which is what engine and relay use."""
        connection = await asyncpg.connect(self._server.dsn("superuser", "postgres"))
        try:
            await ensure_database(connection, _TEMPLATE)
        finally:
            await connection.close()
        await migrate(self._server.dsn("owner", _TEMPLATE), folders_of([]))


def _postmaster() -> int:
    """The server is a child of this process, and its only one of that name."""
    own = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    for pid in (int(word) for children in own for word in children.read_text().split()):
        if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
            return pid
    raise SystemExit("the PostgreSQL of this run is gone")


_TOLD = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="masterlinc-bench-") as name:
        Path(name).chmod(0o755)  # the database's account may be another
        yield Path(name)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start the server of a run on the first two processors, and remove everything at its end."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # children inherit it
    with _folder() as folder:
        server = await start_test_postgres(folder, durable=True)
        try:
            yield Stage(server, folder)
        finally:
            await server.stop()


async def run(module: str, plan: dict[str, Any], *, seconds: float = 600) -> dict[str, Any]:
    """Run a module with a plan in a process of its own, and return what it prints."""
    label = ", ".join(f"{name} {plan[name]}" for name in plan if name not in {"app", "owner", "superuser", "postgres"})
    print(f"{module.rpartition('.')[2]}: {label}", file=sys.stderr, flush=True)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(child.communicate(json.dumps(plan).encode()), seconds)
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        raise SystemExit(f"{module} failed with {child.returncode}")
    found: dict[str, Any] = json.loads(said)
    return found
