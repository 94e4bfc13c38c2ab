"""Seals what is stored under retired keys anew, while the system serves.

It runs as the role `owner`. What was submitted can be changed by nobody who serves, and that shall stay so: with a
right to update sealed columns, a hole in the code that serves would be a hole in them.
"""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.agent import Agent, SealedColumn
from masterlinc.db import Database, Transaction
from masterlinc.sealing.vault import SealBroken, Vault

PAGE = 2_000
BATCH = 100
_TELL_EVERY = 5_000

# The key that a value names, as the database reads it out of the value.
_KEY = "encode(substr(t.{column}, 2, 16), 'hex')::uuid"
_SEALED = "length(t.{column}) >= 45 AND substr(t.{column}, 1, 1) = '\\x02'"
_PRIMARY_KEY = """
SELECT a.attname::text AS name FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS part (number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = part.number
WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY part.place"""


Key = tuple[Any, ...]  # of a row


class Column(Struct, frozen=True):
    """A sealed column, as it is found in the database."""

    table: str
    declared: SealedColumn
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the column's full name."""
        return f"{self.table}.{self.declared.column}"


async def columns(database: Database, agents: Iterable[Agent]) -> list[Column]:
    """Return the sealed columns of these agents."""
    found = []
    async with database.transaction() as transaction:
        for agent in agents:
            for declared in agent.sealed:
                table = f"{agent.name}.{declared.table}"
                if await transaction.fetchval("SELECT to_regclass($1) IS NULL", table):
                    continue  # an agent that has never been migrated
                key = tuple(row["name"] for row in await transaction.fetch(_PRIMARY_KEY, table))
                found.append(Column(table, declared, key))
    return found


async def without_agent(database: Database, agents: Iterable[Agent]) -> list[str]:
    """Return the agents that have tables here and are not among these."""
    rows = await _fetch(database, "SELECT DISTINCT app FROM masterlinc.migration ORDER BY app")
    return sorted({row["app"] for row in rows} - {agent.name for agent in agents})


async def count(database: Database, column: Column) -> dict[UUID, int]:
    """Return how many values of a column each key has sealed; reads the whole table."""
    key, sealed = (text.format(column=column.declared.column) for text in (_KEY, _SEALED))
    rows = await _fetch(
        database,
        f"SELECT {key} AS key, count(*) AS count FROM {column.table} t WHERE {sealed} GROUP BY 1",  # noqa: S608 - declared names
    )
    return {row["key"]: row["count"] for row in rows}


async def reseal(database: Database, vault: Vault, column: Column, tell: Callable[[str], None]) -> int:
    """Seal a column's values anew whose keys are retired, page by page; returns how many. It may be broken off."""
    done, told, after = 0, 0, None
    while True:
        wanted, after = await _page(database, column, after)
        for first in range(0, len(wanted), BATCH):
            done += await _batch(database, vault, column, wanted[first : first + BATCH])
            if done - told >= _TELL_EVERY:
                told = done
                tell(f"{column.name}: {done} values sealed anew")
        if after is None:
            return done


async def _page(database: Database, column: Column, after: Key | None) -> tuple[list[Key], Key | None]:
    """Return the rows of the next page that are to be sealed anew, and where the page ends; None: there is no more."""
    key, sealed = (text.format(column=column.declared.column) for text in (_KEY, _SEALED))
    names = ", ".join(f"t.{one}" for one in column.key)
    places = ", ".join(f"${place}" for place in range(2, 2 + len(column.key)))
    where = f"WHERE ({names}) > ({places})" if after else ""
    # The page is cut first: where little is left to do, the planner must not look through the table for each page.
    rows = await _fetch(
        database,
        f"SELECT t.*, k.id IS NOT NULL AS wanted FROM (SELECT {names},"  # noqa: S608 - declared names
        f" CASE WHEN {sealed} THEN {key} END AS key FROM {column.table} t {where} ORDER BY {names} LIMIT $1) AS t"
        " LEFT JOIN masterlinc.data_key k ON k.id = t.key AND k.retired_at IS NOT NULL AND k.wrapped IS NOT NULL"
        f" ORDER BY {names}",
        PAGE,
        *(after or ()),
    )
    keys = [tuple(row[name] for name in column.key) for row in rows]
    wanted = [one for one, row in zip(keys, rows, strict=True) if row["wanted"]]
    return wanted, keys[-1] if len(keys) == PAGE else None


async def _batch(database: Database, vault: Vault, column: Column, rows: list[Key]) -> int:
    """Seal some rows' values anew, all or none; one value after the other, since one alone may be large."""
    name = column.declared.column
    where = " AND ".join(f"{one} = ${place}" for place, one in enumerate(column.key, 1))
    read = f"SELECT *, {name} AS sealed FROM {column.table} WHERE {where} FOR NO KEY UPDATE"  # noqa: S608 - declared names
    write = f"UPDATE {column.table} SET {name} = ${len(column.key) + 1} WHERE {where}"  # noqa: S608

    async def work(transaction: Transaction) -> int:
        done = 0
        for key in rows:
            row = await transaction.fetchrow(read, *key)
            if row is not None and row["sealed"] is not None:  # else it is gone meanwhile
                await transaction.execute(write, *key, _anew(vault, column, row))
                done += 1
        return done

    return await database.run(work)


async def _fetch(database: Database, query: str, *arguments: Any) -> list[Any]:
    async with database.transaction(read_only=True) as transaction:
        return await transaction.fetch(query, *arguments)


def _anew(vault: Vault, column: Column, row: Any) -> bytes:
    """Seal a value anew, under the label that it has."""
    declared = column.declared
    label = declared.label.format_map({name: _written(value) for name, value in row.items()})
    organization = declared.organization or row["organization_id"]
    try:
        return vault.seal(organization, label, vault.open(organization, label, row["sealed"]))
    except SealBroken as fault:
        where = ", ".join(f"{name} {_written(row[name])}" for name in column.key)
        raise SealBroken(f"{column.name} of {where}: {fault}") from None


def _written(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
