"""SQL of this agent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.db.transaction import Transaction
from nphieslinc.envelope import Envelope

_INSERT_MESSAGE = (
    "INSERT INTO nphieslinc.message (organization_id, id, direction, origin, event, bundle_id, header_id, sender,"
    " receiver, identifier_system, identifier_value, claim_id, body, size, sha256, warnings, received_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::jsonb, $17)"
)
_SAME_IDS = (
    "SELECT id, bundle_id, header_id, sha256 FROM nphieslinc.message"
    " WHERE organization_id = $1 AND direction = 'outbound' AND (bundle_id = $2 OR header_id = $3)"
)
_INSERT_EXCHANGE = (
    "INSERT INTO nphieslinc.exchange (organization_id, id, claim_id, request_message_id, state, attempts, created_at)"
    " VALUES ($1, $2, $3, $4, 'intended', 0, $5) ON CONFLICT (organization_id, claim_id) DO NOTHING"
)
_EXCHANGE = "SELECT * FROM nphieslinc.exchange WHERE organization_id = $1 AND claim_id = $2"
_SENT = (
    "UPDATE nphieslinc.exchange SET state = 'sent', attempts = attempts + 1, sent_at = $3, error = NULL"
    " WHERE organization_id = $1 AND id = $2 AND state <> 'answered'"
)
_ANSWERED = (
    "UPDATE nphieslinc.exchange SET state = 'answered', answer_message_id = $3, answered_at = $4, error = NULL"
    " WHERE organization_id = $1 AND id = $2 AND state <> 'answered'"
)
_FAULT = "UPDATE nphieslinc.exchange SET error = $3 WHERE organization_id = $1 AND id = $2 AND state <> 'answered'"
_READ = (
    "UPDATE nphieslinc.message SET event = $3, bundle_id = $4, header_id = $5, sender = $6, receiver = $7"
    " WHERE organization_id = $1 AND id = $2"
)


class StoredMessage(Struct, frozen=True):
    """A message as it is stored; `body` is sealed."""

    organization_id: UUID
    id: UUID
    direction: str
    origin: str
    body: bytes
    size: int
    sha256: bytes
    received_at: datetime
    event: str | None = None
    bundle_id: str | None = None
    header_id: str | None = None
    sender: str | None = None
    receiver: str | None = None
    identifier_system: str | None = None
    identifier_value: str | None = None
    claim_id: UUID | None = None
    warnings: str = "[]"


async def insert_message(tx: Transaction, message: StoredMessage) -> None:
    """Store a message."""
    await tx.execute(
        _INSERT_MESSAGE,
        message.organization_id,
        message.id,
        message.direction,
        message.origin,
        message.event,
        message.bundle_id,
        message.header_id,
        message.sender,
        message.receiver,
        message.identifier_system,
        message.identifier_value,
        message.claim_id,
        message.body,
        message.size,
        message.sha256,
        message.warnings,
        message.received_at,
    )


async def message_by_id(tx: Transaction, organization_id: UUID, message_id: UUID) -> Any:
    """Return a stored message's row, or None."""
    query = "SELECT * FROM nphieslinc.message WHERE organization_id = $1 AND id = $2"
    return await tx.fetchrow(query, organization_id, message_id)


async def messages_with_ids(tx: Transaction, organization_id: UUID, bundle_id: str, header_id: str) -> list[Any]:
    """Return the rows of sent messages that share an id with another one."""
    return await tx.fetch(_SAME_IDS, organization_id, bundle_id, header_id)


async def note_what_was_read(tx: Transaction, organization_id: UUID, message_id: UUID, envelope: Envelope) -> None:
    """Fill in what an answer says of itself, once it was read."""
    said = envelope.event, envelope.bundle_id, envelope.header_id, envelope.sender, envelope.receiver
    await tx.execute(_READ, organization_id, message_id, *said)


async def insert_exchange(
    tx: Transaction, organization_id: UUID, id_: UUID, claim_id: UUID, message_id: UUID, now: datetime
) -> bool:
    """Note the intent to send a claim's message; False when the claim has one, which changes nothing."""
    return await tx.execute(_INSERT_EXCHANGE, organization_id, id_, claim_id, message_id, now) == "INSERT 0 1"


async def exchange_of_claim(tx: Transaction, organization_id: UUID, claim_id: UUID) -> Any:
    """Return the row of a claim's exchange, or None."""
    return await tx.fetchrow(_EXCHANGE, organization_id, claim_id)


async def mark_sent(tx: Transaction, organization_id: UUID, exchange_id: UUID, now: datetime) -> bool:
    """Count a send before it happens; False when it is answered, by another run."""
    return await tx.execute(_SENT, organization_id, exchange_id, now) == "UPDATE 1"


async def mark_answered(tx: Transaction, organization_id: UUID, exchange_id: UUID, answer: UUID, now: datetime) -> bool:
    """Note the answer; False when another run noted one before."""
    return await tx.execute(_ANSWERED, organization_id, exchange_id, answer, now) == "UPDATE 1"


async def mark_fault(tx: Transaction, organization_id: UUID, exchange_id: UUID, error: str) -> None:
    """Note why there is no answer yet."""
    await tx.execute(_FAULT, organization_id, exchange_id, error[:500])


async def remembered(tx: Transaction, hub: UUID, keys: Sequence[Any]) -> list[Any]:
    """Return what the simulator answered to this sender under any of these ids, or under this identifier."""
    return await tx.fetch(
        "SELECT * FROM nphieslinc.simulator_inbox WHERE organization_id = $1 AND sender = $2"
        " AND (bundle_id = $3 OR header_id = $4 OR (identifier_system = $5 AND identifier_value = $6))",
        hub,
        *keys,
    )


async def remember(tx: Transaction, row: Sequence[Any]) -> bool:
    """Keep the simulator's answer; False when one is kept under these ids already."""
    tag = await tx.execute(
        "INSERT INTO nphieslinc.simulator_inbox (organization_id, id, sender, bundle_id, header_id, identifier_system,"
        " identifier_value, sha256, answer, answered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING",
        *row,
    )
    return tag == "INSERT 0 1"
