"""Up to where the audit was shipped, and whose turn it is: a row, so that any process goes on after a crash."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.db import Database

LEASE = timedelta(seconds=60)
_MAKE = """
INSERT INTO auditlinc.shipment (target, at_xid, at_id) VALUES ($1, '0', '00000000-0000-0000-0000-000000000000')
ON CONFLICT DO NOTHING
"""
_TAKE = """
UPDATE auditlinc.shipment SET leased_until = now() + $3::interval, lease_owner = $2,
    fence = fence + CASE WHEN lease_owner = $2 THEN 0 ELSE 1 END
WHERE target = $1 AND (lease_owner = $2 OR leased_until < now()) RETURNING fence, at_xid, at_id, told_seal
"""
_KEEP = """
UPDATE auditlinc.shipment SET at_xid = $3, at_id = $4, told_seal = $5, shipped = shipped + $6, changed_at = now()
WHERE target = $1 AND fence = $2 RETURNING 1
"""
_GIVE_UP = (
    "UPDATE auditlinc.shipment SET leased_until = '-infinity', lease_owner = NULL WHERE target = $1 AND fence = $2"
)
_ROWS = """
SELECT xid, id, organization_id, at, actor_id, actor_kind, actor_organization_id, session_id, trace_id, action,
    resource, resource_id, patient, outcome, detail::text AS detail, address, purpose, erased IS NOT NULL AS erased
FROM masterlinc.audit_after($1, $2, $3)
"""
_WAITING = """
SELECT now() - (SELECT min(e.at) FROM masterlinc.audit_after(s.at_xid, s.at_id, 1) e) FROM auditlinc.shipment s
WHERE s.target = $1
"""


class Turn(Struct, frozen=True):
    """The right to ship for now, and from where on."""

    fence: int
    xid: int
    id: UUID
    told_seal: int


async def take(db: Database, target: str, owner: UUID) -> Turn | None:
    """Take or keep the lease; None while another process has it."""
    async with db.connection() as connection:
        row = await connection.fetchrow(_TAKE, target, owner, LEASE)
        if row is None and await connection.execute(_MAKE, target) == "INSERT 0 1":
            row = await connection.fetchrow(_TAKE, target, owner, LEASE)
    return None if row is None else Turn(row["fence"], row["at_xid"], row["at_id"], row["told_seal"])


async def rows(db: Database, turn: Turn, most: int) -> list[Any]:
    """Return the next rows."""
    async with db.connection() as connection:
        return list(await connection.fetch(_ROWS, turn.xid, turn.id, most))


async def keep(db: Database, target: str, turn: Turn, shipped: int) -> bool:
    """Write down up to where was shipped; False where another process has taken over."""
    async with db.connection() as connection:
        return bool(await connection.fetchval(_KEEP, target, turn.fence, turn.xid, turn.id, turn.told_seal, shipped))


async def give_up(db: Database, target: str, fence: int) -> None:
    """Let another process go on at once."""
    async with db.connection() as connection:
        await connection.execute(_GIVE_UP, target, fence)


async def waiting(db: Database, target: str) -> timedelta | None:
    """Return how long the oldest row waits that was not shipped; None where none does."""
    async with db.connection() as connection:
        found: timedelta | None = await connection.fetchval(_WAITING, target)
        return found
