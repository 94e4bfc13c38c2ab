"""`masterlinc migrate`: runs what has not run, app by app, under an advisory lock."""

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import asyncpg

from masterlinc.agent import Agent
from masterlinc.db.transaction import Database
from masterlinc.errors import StartupError
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings

KERNEL = "masterlinc"
_LOCK = 0x6D6C_6D69_6772  # one migrator at a time on a database

_FIRST = """
CREATE SCHEMA IF NOT EXISTS masterlinc;
CREATE TABLE IF NOT EXISTS masterlinc.migration (
    app text NOT NULL, name text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (app, name)
);
GRANT USAGE ON SCHEMA masterlinc TO masterlinc_app;
GRANT SELECT ON masterlinc.migration TO masterlinc_app;
"""


@dataclass(frozen=True)
class Folder:
    """An app's migrations."""

    app: str
    path: Path


def migrations_folder() -> Path:
    """Return the folder of the shipped migrations: in the checkout, or inside the wheel."""
    beside = Path(__file__).parents[2] / "migrations"
    return beside if beside.is_dir() else Path(__file__).parents[1] / "_data" / "migrations"


def folders_of(agents: Iterable[Agent]) -> list[Folder]:
    """Return the migrations of the kernel and of these agents: shipped here, or brought by an agent from outside."""
    root = migrations_folder()
    folders = [Folder(KERNEL, root / KERNEL)]
    for agent in agents:
        path = root / agent.name if agent.migrations is None else Path(agent.migrations)
        if path.is_dir():
            folders.append(Folder(agent.name, path))
        elif agent.migrations is not None:
            raise StartupError(f"agent {agent.name}: there is no folder {path} of migrations")
    return folders


async def migrate(owner_url: str, folders: Iterable[Folder], tell: Callable[[str], None] = lambda _: None) -> int:
    """Run every migration that has not run; returns how many did."""
    database = Database(DatabaseSettings(url=Secret(owner_url), pool_size=2, statement_seconds=600))
    await database.open()
    try:
        async with database.connection() as guard:
            await guard.execute(f"SELECT pg_advisory_lock({_LOCK})")
            try:
                return await _run_all(database, list(folders), tell)
            finally:
                await guard.execute(f"SELECT pg_advisory_unlock({_LOCK})")
    finally:
        await database.close()


async def analyze(owner_url: str) -> None:
    """Gather statistics after a bulk load: until autovacuum comes by, the planner takes the tables for empty."""
    database = Database(DatabaseSettings(url=Secret(owner_url), pool_size=1, statement_seconds=600))
    await database.open()
    try:
        async with database.connection() as connection:
            await connection.execute("ANALYZE")
    finally:
        await database.close()


async def pending(database: Database, folders: Iterable[Folder]) -> list[str]:
    """Return the migrations that this build has and the database does not."""
    async with database.transaction() as transaction:
        if await transaction.fetchval("SELECT to_regclass('masterlinc.migration') IS NULL"):
            return ["masterlinc: every one"]
        done = {
            (row["app"], row["name"]) for row in await transaction.fetch("SELECT app, name FROM masterlinc.migration")
        }
    return [
        f"{folder.app}/{path.stem}"
        for folder in folders
        for path in _files(folder)
        if (folder.app, path.stem) not in done
    ]


async def _run_all(database: Database, folders: list[Folder], tell: Callable[[str], None]) -> int:
    async with database.transaction() as transaction:
        await transaction.execute(_FIRST)
        done = {
            (row["app"], row["name"]) for row in await transaction.fetch("SELECT app, name FROM masterlinc.migration")
        }
    count = 0
    for folder in folders:
        for path in _files(folder):
            if (folder.app, path.stem) not in done:
                tell(f"{folder.app}/{path.stem}")
                await _run_one(database, folder.app, path)
                count += 1
    return count


async def _run_one(database: Database, app: str, path: Path) -> None:
    """Run one file and record it, both or neither."""
    manager = await _load(path).forwards()
    async with database.transaction() as transaction:
        await transaction.execute("SET LOCAL lock_timeout = '1s'")
        for step in manager.raw:
            try:
                await step()
            except asyncpg.RaiseError as refusal:  # a migration that does not fit what is there says why
                raise StartupError(refusal.message) from None
        await transaction.execute("INSERT INTO masterlinc.migration (app, name) VALUES ($1, $2)", app, path.stem)


def _files(folder: Folder) -> list[Path]:
    return sorted(path for path in folder.path.glob("[0-9]*.py"))


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"masterlinc_migration_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StartupError(f"migration {path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
