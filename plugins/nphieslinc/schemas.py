"""Bodies of the routes."""

from datetime import datetime

from msgspec import Raw, Struct

from nphieslinc.validating import Layer, LayerReport


class BrokenRuleView(Struct, frozen=True):
    """A rule that a message breaks and that did not refuse it."""

    rule: str
    path: str
    detail: str
    detail_ar: str


class SubmittedClaim(Struct, frozen=True):
    """A claim that a message became."""

    claim_id: str
    status: str
    duplicate: bool


class SubmittedMessage(Struct, frozen=True):
    """A message that was taken."""

    message_id: str
    event: str
    claims: list[SubmittedClaim]
    warnings: list[BrokenRuleView]


class MessageView(Struct, frozen=True):
    """A stored message, without its content."""

    message_id: str
    direction: str
    origin: str
    event: str | None
    bundle_id: str | None
    header_id: str | None
    sender: str | None
    receiver: str | None
    claim_id: str | None
    size: int
    sha256: str
    received_at: datetime
    warnings: list[BrokenRuleView]


class ValidationForm(Struct, forbid_unknown_fields=True):
    """What is to be checked: a message bundle, or one resource of it, up to a layer."""

    claim_resource: Raw
    validation_level: Layer = Layer.BUSINESS


class ValidationView(Struct, frozen=True):
    """What the layers found."""

    validation_id: str
    is_valid: bool
    layers: list[LayerReport]
    summary: str
    summary_ar: str
