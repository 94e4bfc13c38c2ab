"""Databases for the rules: with the tables of the kernel and of what an agent needs, then with its own."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from masterlinc.agent import Agent
from masterlinc.conformance.migrations import Stored, catalog
from masterlinc.conformance.subject import Subject
from masterlinc.db.embedded import EmbeddedPostgres, ensure_database
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.ids import new_id
from masterlinc.testing import DatabaseUrls


@dataclass(frozen=True)
class Databases:
    """Makes databases on one server; what several agents stand on is migrated once, and copied."""

    postgres: EmbeddedPostgres
    made: dict[frozenset[str], str] = field(default_factory=dict)  # names of agents → a template

    async def having(self, agents: Iterable[Agent]) -> DatabaseUrls:
        """Return a new database with the tables of the kernel and of these agents."""
        chosen = list(agents)
        names = frozenset(agent.name for agent in chosen)
        if names not in self.made:
            template = await self._create("template1")
            await migrate(template.owner, folders_of(chosen))
            self.made[names] = template.owner.rpartition("/")[2].partition("?")[0]
        return await self._create(self.made[names])

    async def _create(self, template: str) -> DatabaseUrls:
        name = f"t{new_id().hex}"
        connection = await asyncpg.connect(self.postgres.dsn("superuser", "postgres"))
        try:
            await ensure_database(connection, name, template)
        finally:
            await connection.close()
        return DatabaseUrls(self.postgres.dsn("owner", name), self.postgres.dsn("app", name))


@asynccontextmanager
async def stored(databases: Databases, subject: Subject) -> AsyncIterator[Stored | str]:
    """Run an agent's migrations over what it needs; yields what the rules look at, or the fault of a migration."""
    urls = await databases.having(subject.needed())
    owner = await asyncpg.connect(urls.owner)
    try:
        before = await catalog(owner)
        fault = await _migrated(urls, subject)
        yield fault or Stored(subject, urls, owner, before, lambda: databases.having(subject.needed()))
    finally:
        await owner.close()


async def _migrated(urls: DatabaseUrls, subject: Subject) -> str:
    folder = subject.migrations()
    names: list[str] = []
    if folder is not None:
        try:
            await migrate(urls.owner, [folder], names.append)
        except Exception as fault:  # noqa: BLE001 - a migration is code, and may raise anything
            return f"{names[-1] if names else folder.path} fails on a database of the kernel's tables: {fault}"
    return ""
