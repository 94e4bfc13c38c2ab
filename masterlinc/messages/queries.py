"""Messages in the database. What is known of one is its row, and how far the workflow is that handles it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.db.transaction import Transaction
from masterlinc.http.paging import count_sql

# The receiver's end: delivered to the inbox, then handled or failed by its task, then acknowledged by somebody.
_STATE = """
CASE WHEN m.acknowledged_at IS NOT NULL THEN 'acknowledged'
    WHEN w.status = 'done' THEN 'handled'
    WHEN w.status IN ('failed', 'cancelled') THEN 'failed'
    WHEN m.delivered_at IS NOT NULL OR w.starts > 0 THEN 'delivered'
    ELSE 'queued' END
"""
_COLUMNS = f"""
m.organization_id, m.id, m.sender, m.receiver, m.message_type, m.message_key, m.fingerprint, m.priority, m.sent_by,
m.sent_at, coalesce(m.delivered_at, s.started_at) AS delivered_at, m.workflow_id, m.acknowledged_at, m.forgotten_at,
m.workflow_id IS NOT NULL AND w.finished_at IS NULL AS at_work, {_STATE} AS state
"""
_FROM = """
FROM masterlinc.message m LEFT JOIN masterlinc.workflow w ON w.id = m.workflow_id
LEFT JOIN masterlinc.workflow_step s ON s.workflow_id = m.workflow_id AND s.position = 1
"""
_ADD = """
INSERT INTO masterlinc.message (organization_id, id, sender, receiver, message_type, message_key, fingerprint, priority,
    content, sent_by, workflow_id, delivered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $12 THEN now() END)
"""
_ONE = f"SELECT {_COLUMNS}, m.content {_FROM} WHERE m.organization_id = ANY ($1) AND m.id = $2"
_OF_KEY = f"""
SELECT {_COLUMNS}, NULL::bytea AS content {_FROM}
WHERE m.organization_id = $1 AND m.sender = $2 AND m.message_key = $3
"""
_MATCHES = f"""
($2::text IS NULL OR m.receiver = $2) AND ($3::text IS NULL OR m.sender = $3) AND ($4::text IS NULL OR {_STATE} = $4)
"""
_WORK = "LEFT JOIN masterlinc.workflow w ON w.id = m.workflow_id"
# Each organization's inbox is read along its index, no further than the page; {open} lets one of open messages serve.
_PAGE = f"""
SELECT {_COLUMNS}, NULL::bytea AS content FROM (
    SELECT each.* FROM unnest($1::uuid[]) AS mine (organization), LATERAL (
        SELECT m.* FROM masterlinc.message m {_WORK}
        WHERE m.organization_id = mine.organization AND {{open}} AND {_MATCHES}
        ORDER BY m.priority, m.id LIMIT $5::int + $6::int
    ) each ORDER BY each.priority, each.id LIMIT $5 OFFSET $6
) m {_WORK} LEFT JOIN masterlinc.workflow_step s ON s.workflow_id = m.workflow_id AND s.position = 1
ORDER BY m.priority, m.id
"""  # noqa: S608 - ours
_COUNT = f"SELECT FROM masterlinc.message m {_WORK} WHERE m.organization_id = ANY ($1) AND {{open}} AND {_MATCHES}"
_KEY_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_ACKNOWLEDGE = """
UPDATE masterlinc.message SET acknowledged_at = now(), acknowledged_by = $3
WHERE organization_id = ANY ($1) AND id = $2 AND acknowledged_at IS NULL RETURNING acknowledged_at
"""


class MessageRow(Struct, frozen=True):
    """A message and what has become of it; `content` is sealed, and none where it was not read."""

    organization_id: UUID
    id: UUID
    sender: str
    receiver: str
    message_type: str
    message_key: str | None
    fingerprint: bytes
    priority: int
    sent_by: UUID
    sent_at: datetime
    delivered_at: datetime | None
    workflow_id: UUID | None
    acknowledged_at: datetime | None
    forgotten_at: datetime | None
    at_work: bool
    state: str  # queued, delivered, handled, failed or acknowledged
    content: bytes | None


class NewMessage(Struct, frozen=True):
    """A message that is to be kept."""

    organization_id: UUID
    id: UUID
    sender: str
    receiver: str
    message_type: str
    message_key: str | None
    fingerprint: bytes
    priority: int
    content: bytes
    sent_by: UUID
    workflow_id: UUID | None
    delivered: bool


class Wanted(Struct, frozen=True):
    """Which messages of a list."""

    receiver: str | None = None
    sender: str | None = None
    state: str | None = None


async def lock_key(transaction: Transaction, organization: UUID, sender: str, key: str) -> None:
    """Let nobody else look for a key until the end of the transaction: of two that send it, one finds the other's."""
    await transaction.execute(_KEY_LOCK, f"message/{organization}/{sender}/{key}")


async def add(transaction: Transaction, message: NewMessage) -> None:
    """Keep a message."""
    await transaction.execute(_ADD, *(getattr(message, name) for name in NewMessage.__struct_fields__))


async def of_key(transaction: Transaction, organization: UUID, sender: str, key: str) -> MessageRow | None:
    """Return the message that a sender sent under a key."""
    return _row(await transaction.fetchrow(_OF_KEY, organization, sender, key))


async def find(transaction: Transaction, message: UUID) -> MessageRow | None:
    """Return a message of the transaction's organizations."""
    return _row(await transaction.fetchrow(_ONE, [*transaction.organizations], message))


async def listed(transaction: Transaction, wanted: Wanted, limit: int, offset: int) -> tuple[list[MessageRow], int]:
    """Return a page of messages in the order of an inbox, the urgent and the old first, and how many there are."""
    arguments = ([*transaction.organizations], wanted.receiver, wanted.sender, wanted.state)
    which = {None: "true", "acknowledged": "m.acknowledged_at IS NOT NULL"}.get(
        wanted.state, "m.acknowledged_at IS NULL"
    )
    rows = await transaction.fetch(_PAGE.format(open=which), *arguments, limit, offset)
    counted = await transaction.fetchval(count_sql(_COUNT.format(open=which)), *arguments)
    return [MessageRow(**row) for row in rows], int(counted)


async def acknowledge(transaction: Transaction, message: UUID, by: UUID) -> bool:
    """Note who has seen a message to its end; False where it had been noted before."""
    return await transaction.fetchval(_ACKNOWLEDGE, [*transaction.organizations], message, by) is not None


def _row(row: Any) -> MessageRow | None:
    return MessageRow(**row) if row is not None else None
