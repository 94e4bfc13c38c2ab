"""Messages in the store: sealed, with the hash that tells a repetition from a change."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from masterlinc.sealing import Vault
from nphieslinc.envelope import Envelope
from nphieslinc.queries import StoredMessage


def digest(data: bytes) -> bytes:
    """Return what equal bytes are known by."""
    return sha256(data).digest()


def sealed(vault: Vault, organization_id: UUID, message_id: UUID, data: bytes) -> bytes:
    """Seal a message for its row."""
    return vault.seal(organization_id, _label(message_id), data)


def unsealed(vault: Vault, organization_id: UUID, message_id: UUID, body: bytes) -> bytes:
    """Return a message byte for byte as it came."""
    return vault.open(organization_id, _label(message_id), bytes(body))


def outbound(  # noqa: PLR0913 - a message has these parts
    vault: Vault,
    organization_id: UUID,
    message_id: UUID,
    data: bytes,
    envelope: Envelope,
    *,
    origin: str,
    claim_id: UUID,
    now: datetime,
    warnings: str = "[]",
) -> StoredMessage:
    """Return the row of a request to the hub."""
    numbers = envelope.focus.children("identifier") if envelope.focus is not None else []
    return StoredMessage(
        organization_id=organization_id,
        id=message_id,
        direction="outbound",
        origin=origin,
        body=sealed(vault, organization_id, message_id, data),
        size=len(data),
        sha256=digest(data),
        received_at=now,
        event=envelope.event,
        bundle_id=envelope.bundle_id,
        header_id=envelope.header_id,
        sender=envelope.sender,
        receiver=envelope.receiver,
        identifier_system=numbers[0].text("system") if numbers else None,
        identifier_value=numbers[0].text("value") if numbers else None,
        claim_id=claim_id,
        warnings=warnings,
    )


def inbound(
    vault: Vault, organization_id: UUID, message_id: UUID, data: bytes, *, claim_id: UUID, now: datetime
) -> StoredMessage:
    """Return the row of an answer as it came; nothing of it was read yet."""
    return StoredMessage(
        organization_id=organization_id,
        id=message_id,
        direction="inbound",
        origin="hub",
        body=sealed(vault, organization_id, message_id, data),
        size=len(data),
        sha256=digest(data),
        received_at=now,
        claim_id=claim_id,
    )


def _label(message_id: UUID) -> str:
    return f"nphieslinc.message/{message_id}"
