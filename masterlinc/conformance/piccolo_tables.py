"""Rules of Piccolo tables: they are the tables of the migrations, and run in the kernel's transactions."""

from collections.abc import AsyncIterator
from typing import Any

from piccolo.table import Table

from masterlinc.conformance.migrations import Stored
from masterlinc.conformance.tables import COLUMNS, TABLES, rows
from masterlinc.db import ENGINE


async def its_piccolo_tables_are_those_of_the_migrations(stored: Stored) -> AsyncIterator[str]:
    """Column by column: the name, the type with its digits, whether it may be empty. All tables, or none."""
    declared = {_meta(table).tablename: table for table in stored.subject.agent.tables}
    columns: dict[str, dict[str, str]] = {row["name"]: {} for row in await rows(stored, TABLES)}
    for row in await rows(stored, COLUMNS):
        columns[row["table"]][row["name"]] = _described(row["type"], may_be_empty=row["empty"])
    if not declared:
        return
    for name in sorted({*columns} ^ {*declared}):
        side = "tables=(…) of Agent" if name in columns else "the migrations"
        yield f"table {stored.schema}.{name} is missing in {side}"
    for name in sorted({*columns} & {*declared}):
        own = {
            _meta(one).db_column_name: _described(_sql_type(one.column_type), may_be_empty=_meta(one).null)
            for one in _meta(declared[name]).columns
        }
        for column in sorted({*own} | {*columns[name]}):
            ours, theirs = own.get(column, "missing"), columns[name].get(column, "missing")
            if ours != theirs:
                yield f"column {stored.schema}.{name}.{column} is {theirs} in the database, {ours} in the Piccolo table"


async def its_piccolo_tables_run_in_our_transactions(stored: Stored) -> AsyncIterator[str]:
    """They use the kernel's engine and the agent's schema, name a column of the key, and fill and follow nothing."""
    keys = {(row["table"], row["name"]) for row in await rows(stored, COLUMNS) if row["in_key"]}
    filled = {(row["table"], row["name"]) for row in await rows(stored, COLUMNS) if row["filled"]}
    for table in stored.subject.agent.tables:
        name = _meta(table).tablename
        key = {column for one, column in keys if one == name}
        for fault in _faults_of(table, stored.schema, key) if key else ():  # another rule tells of a table without
            yield f"Piccolo table {table.__name__}: {fault}"
        for column in sorted(column for one, column in filled if one == name):
            yield f"{stored.schema}.{name}.{column} has a default, which Piccolo writes NULL over: take it out"


def _faults_of(table: type[Table], schema: str, key: set[str]) -> list[str]:
    meta = _meta(table)
    faults = []
    if meta.db is not ENGINE or meta.schema != schema:
        faults.append(f'write class {table.__name__}(Table, schema="{schema}", db=ENGINE)')
    if meta.foreign_key_columns:
        faults.append("use a UUID column: Piccolo's foreign keys join behind the transaction")
    if _meta(meta.primary_key).db_column_name not in key:
        faults.append(f"primary_key=True belongs to one of {', '.join(sorted(key))}")
    faults += [
        f"column {_meta(one).name}: write default=None"
        for one in meta.columns
        if getattr(one, "default", None) is not None
    ]
    return faults


def _described(type_: str, *, may_be_empty: bool) -> str:
    return type_ if may_be_empty else f"{type_} NOT NULL"


def _sql_type(piccolo: str) -> str:
    """Return what PostgreSQL calls a type of Piccolo."""
    name = piccolo.lower().replace(", ", ",")
    return {"timestamptz": "timestamp with time zone"}.get(name, name)


def _meta(described: Any) -> Any:
    return described._meta  # noqa: SLF001 - Piccolo describes tables and columns nowhere else


RULES = (its_piccolo_tables_are_those_of_the_migrations, its_piccolo_tables_run_in_our_transactions)
