"""Seals as they are stored."""

from typing import Any
from uuid import UUID

from masterlinc.audit.format import Seal
from masterlinc.db import Transaction

_LOCK = 0x6D6C_5345_414C  # one process at a time seals, or changes the key
_LAST = """
SELECT number, previous, root, row_count, total, first_xid, first_id, last_xid, last_id, sealed_at, key_id, signature
FROM masterlinc.audit_seal ORDER BY number DESC LIMIT 1
"""
_LEAVES = "SELECT xid, id, leaf FROM masterlinc.audit_leaves($1, $2, $3)"
_IS_BEHIND = "SELECT $1::xid8 >= pg_snapshot_xmax(pg_current_snapshot())"
_INSERT = """
INSERT INTO masterlinc.audit_seal (number, previous, root, row_count, total, first_xid, first_id, last_xid, last_id,
    sealed_at, key_id, signature, entries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


async def try_lock(transaction: Transaction) -> bool:
    """Say whether it is this transaction's turn."""
    return bool(await transaction.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK))


async def lock(transaction: Transaction) -> None:
    """Wait for this transaction's turn."""
    await transaction.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def latest(transaction: Transaction) -> tuple[Seal | None, bytes]:
    """Return the last seal and its signature."""
    row = await transaction.fetchrow(_LAST)
    if row is None:
        return None, b""
    facts = dict(row)
    signature = facts.pop("signature")
    return Seal(**facts), signature


async def unsealed(transaction: Transaction, last: Seal | None, most: int) -> list[Any]:
    """Return places and leaves of the next rows behind a seal, in the order of commits."""
    after = (last.last_xid, last.last_id) if last else (0, UUID(int=0))
    return await transaction.fetch(_LEAVES, *after, most)


async def is_ahead(transaction: Transaction, last: Seal) -> bool:
    """Say whether a seal covers transactions that this server has not begun."""
    return bool(await transaction.fetchval(_IS_BEHIND, last.last_xid))


async def insert(transaction: Transaction, made: Seal, signature: bytes, rows: list[Any]) -> None:
    """Store a seal over these rows."""
    entries = b"".join(row["id"].bytes + row["leaf"] for row in rows)
    facts = [getattr(made, name) for name in Seal.__struct_fields__]
    await transaction.execute(_INSERT, *facts, signature, entries)
