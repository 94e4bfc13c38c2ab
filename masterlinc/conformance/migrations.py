"""Rules of migrations: their files, and what they leave in the database."""

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from masterlinc.conformance.subject import Subject
from masterlinc.db.migrate import Folder, migrate

_FILE = re.compile(r"\d{4}_[a-z0-9_]+", re.ASCII)

# Everything that a migration can leave in a schema, a line each.
_CATALOG = """
SELECT n.nspname || ' ' || what FROM pg_namespace n, LATERAL (
    SELECT format('schema %s %s', nspacl, nspowner::regrole) AS what FROM pg_namespace WHERE oid = n.oid
    UNION ALL
    SELECT format('%s %s %s rls=%s acl=%s', relkind, relname, reloptions, relrowsecurity, relacl)
    FROM pg_class WHERE relnamespace = n.oid AND NOT relispartition AND relkind <> 'i' AND relkind <> 'I'
    UNION ALL
    SELECT format('column %s.%s %s null=%s %s acl=%s', c.relname, a.attname, format_type(atttypid, atttypmod),
        NOT attnotnull, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = c.oid AND adnum = attnum),
        attacl)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v') AND NOT relispartition
      AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('constraint %s %s', conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = n.oid AND NOT c.relispartition
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = n.oid AND NOT c.relispartition
    UNION ALL
    SELECT format('policy %s %s %s %s', policyname, cmd, qual, with_check) FROM pg_policies
    WHERE schemaname = n.nspname
    UNION ALL
    SELECT format('function %s %s', pg_get_functiondef(p.oid), proacl) FROM pg_proc p
    WHERE pronamespace = n.oid AND prokind IN ('f', 'p')
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = n.oid AND NOT tgisinternal AND NOT c.relispartition
) AS found
WHERE n.nspname !~ '^(pg_|information_schema)'
"""

EmptyDatabase = Callable[[], Awaitable[Any]]  # returns masterlinc.testing.DatabaseUrls of a database without the agent


@dataclass(frozen=True)
class Stored:
    """A subject's migrations over a database: as it was before, and as they left it."""

    subject: Subject
    urls: Any  # masterlinc.testing.DatabaseUrls
    owner: Any  # an asyncpg connection of the role that migrates
    before: frozenset[str]
    without_it: EmptyDatabase

    @property
    def schema(self) -> str:
        """Return the agent's schema."""
        return self.subject.name


def its_migrations_are_numbered(subject: Subject) -> Iterator[str]:
    """Migrations are numbered from 0001 without gaps, and each says what it is."""
    yield from misnumbered(subject.migrations())


def misnumbered(folder: Folder | None) -> Iterator[str]:
    """Yield what is wrong with the files of a folder of migrations."""
    for number, path in enumerate(_files(folder), start=1):
        text = path.read_text(encoding="utf-8")
        if not _FILE.fullmatch(path.stem):
            yield f"{path.name}: call it {number:04}_what_it_does.py, in small letters"
        elif int(path.stem[:4]) != number:
            yield f"{path.name}: its number should be {number:04}: migrations run in this order, without gaps"
        identity = re.search(r'^ID = "(\w+)"$', text, re.MULTILINE)
        if identity is None or not path.stem.startswith(identity[1]):
            yield f'{path.name}: write ID = "{path.stem}", as the file is called'
        if not re.search(r'^DESCRIPTION = ".+"$', text, re.MULTILINE):
            yield f'{path.name}: write DESCRIPTION = "what it does"'


async def its_migrations_run_once(stored: Stored) -> AsyncIterator[str]:
    """A second run finds nothing to do."""
    folder = stored.subject.migrations()
    if folder is not None and (count := await migrate(stored.urls.owner, [folder])):
        yield f"{count} migrations ran again: the names of their files must not change"


async def its_migrations_change_its_own_schema_only(stored: Stored) -> AsyncIterator[str]:
    """Tables, functions and rights of the kernel and of other agents stay as they are."""
    after = await catalog(stored.owner)
    for line in sorted(after ^ stored.before):
        if line.partition(" ")[0] != stored.schema:
            yield f"a migration changes what is not in schema {stored.schema}: {_short(line)}"


async def its_last_migration_goes_on_from_the_one_before(stored: Stored) -> AsyncIterator[str]:
    """A database of the version before comes to the same tables as an empty one."""
    folder = stored.subject.migrations()
    files = _files(folder)
    if folder is None or len(files) < 2:  # noqa: PLR2004 - there is no version before
        return
    urls = await stored.without_it()
    with tempfile.TemporaryDirectory() as older:
        for path in files[:-1]:
            shutil.copy(path, older)
        await migrate(urls.owner, [Folder(folder.app, Path(older))])
    await migrate(urls.owner, [folder])
    connection = await asyncpg.connect(urls.owner)
    try:
        stepwise = await catalog(connection)
    finally:
        await connection.close()
    for line in sorted(stepwise ^ await catalog(stored.owner)):
        yield f"{files[-1].name} leaves something else on a database of the version before: {_short(line)}"


async def catalog(connection: Any) -> frozenset[str]:
    """Return what the schemas of a database hold, a line a thing."""
    return frozenset(row[0] for row in await connection.fetch(_CATALOG) if row[0] is not None)


def _files(folder: Folder | None) -> list[Path]:
    return sorted(folder.path.glob("[0-9]*.py")) if folder is not None else []


def _short(line: str) -> str:
    first = " ".join(line.split())
    return first if len(first) <= 120 else f"{first[:120]}…"  # noqa: PLR2004 - the width of a line


STATIC_RULES = (its_migrations_are_numbered,)
RULES = (
    its_migrations_run_once,
    its_migrations_change_its_own_schema_only,
    its_last_migration_goes_on_from_the_one_before,
)
