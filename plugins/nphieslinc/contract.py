"""What other agents may know of the exchange."""

from uuid import UUID

from msgspec import Struct


class MessageStored(Struct, frozen=True, tag="nphieslinc.message_stored.v1"):
    """A message of the exchange was stored, as it came."""

    message_id: UUID
    organization_id: UUID
    event: str
