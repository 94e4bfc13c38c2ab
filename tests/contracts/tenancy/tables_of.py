"""The tables of a migrated database as the role `app` meets them, and made-up rows for each of them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg

from masterlinc.ids import new_id

TENANT = "organization_id"
_NUMBERS, _BEGINNING = count(1), datetime(2026, 1, 1, tzinfo=UTC)  # each greater than the one before: ranges have ends
OWN_NAME = {"authlinc.organization": "id"}  # the row is the organization

_TABLES = """
SELECT c.oid::regclass::text AS name, c.relrowsecurity AS secured,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id') AS tenant,
    ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
        WHERE has_table_privilege('masterlinc_app', c.oid, p)) AS rights,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND has_column_privilege('masterlinc_app', c.oid, a.attnum, 'UPDATE') ORDER BY a.attnum) AS updates,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND has_column_privilege('masterlinc_app', c.oid, a.attnum, 'SELECT') ORDER BY a.attnum) AS selects,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND has_column_privilege('masterlinc_app', c.oid, a.attnum, 'INSERT') ORDER BY a.attnum) AS inserts
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = ANY ($1::text[]::regnamespace[]::oid[])
ORDER BY 1
"""
_COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type
FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT a.atthasdef AND a.attidentity = '' ORDER BY a.attnum
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text AS "table", quote_ident(conname) AS name FROM pg_constraint
WHERE contype IN ('c', 'f') AND coninhcount = 0 AND connamespace = ANY ($1::text[]::regnamespace[]::oid[])
"""


@dataclass(frozen=True)
class Table:
    """A table, and what `app` may do with it; `updates` and the others name columns."""

    name: str
    secured: bool
    tenant: bool
    rights: frozenset[str]
    selects: tuple[str, ...]
    inserts: tuple[str, ...]
    updates: tuple[str, ...]

    @property
    def key(self) -> str:
        """The column that says whose a row is."""
        return OWN_NAME.get(self.name, TENANT)


async def tables(connection: asyncpg.Connection, schemas: list[str]) -> list[Table]:
    """Every table of these schemas; a partitioned one once."""
    return [
        Table(
            row["name"],
            row["secured"],
            row["tenant"],
            frozenset(row["rights"]),
            tuple(row["selects"]),
            tuple(row["inserts"]),
            tuple(row["updates"]),
        )
        for row in await connection.fetch(_TABLES, schemas)
    ]


async def loosen(connection: asyncpg.Connection, schemas: list[str]) -> None:
    """Take checks and references away, so that any row fits: who may touch it is not their business."""
    for row in await connection.fetch(_CONSTRAINTS, schemas):
        await connection.execute(f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['name']}")


async def made_up(connection: asyncpg.Connection, table: Table, organization: UUID) -> dict[str, Any]:
    """A row of an organization for a table, unlike every other one; of what `app` inserts, where that is not all."""
    columns = await connection.fetch(_COLUMNS, table.name)
    row = {one["name"]: _value(one["type"]) for one in columns if not table.inserts or one["name"] in table.inserts}
    return row | {table.key: organization} if table.key in row else row


def insert(table: Table, row: Mapping[str, Any], more: str = "") -> tuple[str, list[Any]]:
    """The statement that inserts a row, and its arguments."""
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    return f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({places}) {more}", [*row.values()]


def _value(type_: str) -> Any:
    if type_.endswith("[]"):
        return []
    number = next(_NUMBERS)
    return {
        "uuid": new_id(),
        "text": f"t{secrets.token_hex(12)}",
        "bytea": secrets.token_bytes(16),
        "jsonb": "{}",
        "boolean": True,
        "date": date(2026, 1, 1) + timedelta(days=number),
        "timestamp with time zone": _BEGINNING + timedelta(seconds=number),
        "numeric": Decimal(1),
        "xid8": str(number),
        "double precision": 1.0,
        "inet": "192.0.2.1",
    }.get(type_, number)
