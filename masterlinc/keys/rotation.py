"""Changes the keys of sealed values: wraps them by another master key, retires them, destroys them.

All of it runs as the role `owner` of the database: the role that serves may only add keys.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from msgspec import Struct

from masterlinc.db import Database, Transaction
from masterlinc.errors import StartupError
from masterlinc.sealing.masters import KEY_BYTES, MasterKeys, MasterUnknown
from masterlinc.sealing.ring import key_name
from masterlinc.sealing.store import ROOT

BATCH = 500
SETTLE = timedelta(seconds=5)  # until a new key seals: each process has read it by then
_FOLLOWED = timedelta(seconds=2)  # within which a process uses a key whose time has come
UNUSED_FOR = timedelta(minutes=10)  # no transaction that sealed with a key lives as long

_WRAPPED_ELSE = """
SELECT id, organization_id, wrapped, master_id FROM masterlinc.data_key
WHERE master_id <> $1 AND wrapped IS NOT NULL AND id > $2 ORDER BY id LIMIT $3 FOR UPDATE"""
_WRAP = """
UPDATE masterlinc.data_key SET wrapped = $2, master_id = $3, xid = pg_current_xact_id() WHERE id = $1"""
_ROOT = "SELECT wrapped, master_id FROM masterlinc.blind_key WHERE master_id <> $1 FOR UPDATE"
_WRAP_ROOT = "UPDATE masterlinc.blind_key SET wrapped = $1, master_id = $2"
_ORGANIZATIONS = """
SELECT DISTINCT organization_id FROM masterlinc.data_key
WHERE wrapped IS NOT NULL AND ($1::uuid IS NULL OR organization_id = $1) ORDER BY organization_id"""
_ADD = """
INSERT INTO masterlinc.data_key (id, organization_id, wrapped, master_id, used_from)
VALUES ($1, $2, $3, $4, now() + $5::interval)"""
_RETIRE = """
UPDATE masterlinc.data_key SET retired_at = greatest(used_from, now() + $3::interval), xid = pg_current_xact_id()
WHERE organization_id = $1 AND id <> $2 AND retired_at IS NULL"""
_SETTLED = "SELECT max(retired_at) + $1::interval - now() FROM masterlinc.data_key"
_KEYS = """
SELECT id, organization_id, master_id, created_at, used_from, retired_at, destroyed_at,
    retired_at < now() - $1::interval AS unused
FROM masterlinc.data_key ORDER BY organization_id, created_at, id"""
_MASTERS = """
SELECT master_id, count(*) AS keys FROM (
    SELECT master_id FROM masterlinc.data_key WHERE wrapped IS NOT NULL
    UNION ALL SELECT master_id FROM masterlinc.blind_key) AS wrapped
GROUP BY master_id ORDER BY master_id"""
_DESTROY = """
UPDATE masterlinc.data_key SET wrapped = NULL, retired_at = coalesce(retired_at, greatest(used_from, now())),
    destroyed_at = greatest(retired_at, used_from, now()), xid = pg_current_xact_id()
WHERE id = ANY($1::uuid[]) AND wrapped IS NOT NULL"""


class KeyState(Struct, frozen=True):
    """A data key, without the key."""

    id: UUID
    organization_id: UUID
    master_id: str
    created_at: datetime
    used_from: datetime
    retired_at: datetime | None
    destroyed_at: datetime | None
    unused: bool | None  # retired so long ago that nothing can still be about to be written with it


async def rotate_master(database: Database, masters: MasterKeys, tell: Callable[[str], None]) -> int:
    """Wrap every key by the current master key, in batches; returns how many; raises StartupError."""
    count, after = 0, UUID(int=0)
    while True:
        async with database.transaction() as transaction:
            rows = await transaction.fetch(_WRAPPED_ELSE, masters.current, after, BATCH)
            names = [key_name(row["organization_id"], row["id"]) for row in rows]
            wraps = [
                _wrapped_anew(masters, name, row["master_id"], row["wrapped"])
                for name, row in zip(names, rows, strict=True)
            ]
            await transaction.executemany(
                _WRAP, [(row["id"], wrap, masters.current) for row, wrap in zip(rows, wraps, strict=True)]
            )
            if rows:
                _audit(transaction, "keys.rotate_master", masters.current, keys=len(rows))
            else:
                count += await _rotate_root(transaction, masters)
        if not rows:
            return count
        count, after = count + len(rows), rows[-1]["id"]
        tell(f"{count} keys wrapped by master key {masters.current}")


async def rotate_data(
    database: Database, masters: MasterKeys, organization: UUID | None, tell: Callable[[str], None]
) -> int:
    """Give one organization, or each, a new data key, and retire the others; returns how many organizations."""
    async with database.transaction() as transaction:
        organizations = [row[0] for row in await transaction.fetch(_ORGANIZATIONS, organization)]
    for first in range(0, len(organizations), BATCH):
        some = organizations[first : first + BATCH]
        async with database.transaction() as transaction:
            for one in some:
                key_id = uuid4()
                wrapped = masters.wrap(key_name(one, key_id), secrets.token_bytes(KEY_BYTES))
                await transaction.execute(_ADD, key_id, one, wrapped, masters.current, SETTLE)
                await transaction.execute(_RETIRE, one, key_id, SETTLE)
                _audit(transaction, "keys.rotate_data", str(key_id), organization=one)
        tell(f"{first + len(some)} of {len(organizations)} organizations have a new key")
    return len(organizations)


async def settled(database: Database) -> None:
    """Wait until no process seals with a key that has just been retired."""
    async with database.transaction() as transaction:
        left = await transaction.fetchval(_SETTLED, _FOLLOWED)
    if left is not None and left > timedelta(0):
        await asyncio.sleep(left.total_seconds())


async def keys(database: Database) -> list[KeyState]:
    """Return every data key, by organization and age."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(_KEYS, UNUSED_FOR)
    return [KeyState(**dict(row)) for row in rows]


async def wrapped_by(database: Database) -> dict[str, int]:
    """Return how many keys each master key wraps."""
    async with database.transaction() as transaction:
        return {row["master_id"]: row["keys"] for row in await transaction.fetch(_MASTERS)}


async def destroy(database: Database, doomed: list[KeyState], action: str) -> None:
    """Forget these keys for good: what they sealed opens never again."""
    async with database.transaction() as transaction:
        await transaction.execute(_DESTROY, [key.id for key in doomed])
        for key in doomed:
            _audit(transaction, action, str(key.id), organization=key.organization_id)


async def _rotate_root(transaction: Transaction, masters: MasterKeys) -> int:
    root = await transaction.fetchrow(_ROOT, masters.current)
    if root is None:
        return 0
    wrap = _wrapped_anew(masters, ROOT, root["master_id"], root["wrapped"])
    await transaction.execute(_WRAP_ROOT, wrap, masters.current)
    _audit(transaction, "keys.rotate_master", masters.current, keys=1)
    return 1


def _wrapped_anew(masters: MasterKeys, name: bytes, master: str, wrapped: bytes) -> bytes:
    try:
        return masters.wrap(name, masters.unwrap(master, name, wrapped))
    except MasterUnknown:
        raise StartupError(
            f"a key is wrapped by master key {master}, which is neither security.master_key nor among"
            " security.former_master_keys"
        ) from None


def _audit(
    transaction: Transaction, action: str, key: str, *, organization: UUID | None = None, keys: int | None = None
) -> None:
    detail = {} if keys is None else {"keys": str(keys)}
    transaction.audit(action, "data_key", key, organization_id=organization, detail=detail)
