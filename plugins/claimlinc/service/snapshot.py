"""The sealed copy of what was submitted."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from claimlinc.contract import Attachment, ClaimSubmission
from masterlinc import wire
from masterlinc.sealing import Vault


class Snapshot(Struct, frozen=True):
    """A submission, with the references that its sender wrote."""

    submission: ClaimSubmission
    patient_reference: str | None = None
    provider_reference: str | None = None


def seal(vault: Vault, organization: UUID, claim_id: UUID, snapshot: Snapshot) -> bytes:
    """Seal a snapshot without its attachments, which are large and read alone."""
    lean = replace(snapshot, submission=replace(snapshot.submission, attachments=()))
    return vault.seal(organization, _label(claim_id), wire.encode(lean))


def unseal(vault: Vault, organization: UUID, claim_id: UUID, sealed: bytes) -> Snapshot:
    """Open a snapshot; it has no attachments."""
    return wire.load(vault.open(organization, _label(claim_id), sealed), Snapshot)


def seal_attachments(
    vault: Vault, organization: UUID, claim_id: UUID, attachments: tuple[Attachment, ...]
) -> list[bytes]:
    """Seal each attachment for itself."""
    return [
        vault.seal(organization, _attachment_label(claim_id, position), wire.encode(attachment))
        for position, attachment in enumerate(attachments, start=1)
    ]


def unseal_attachment(vault: Vault, organization: UUID, claim_id: UUID, position: int, sealed: bytes) -> Attachment:
    """Open one attachment."""
    return wire.load(vault.open(organization, _attachment_label(claim_id, position), sealed), Attachment)


def _label(claim_id: UUID) -> str:
    return f"claim.submission/{claim_id}"


def _attachment_label(claim_id: UUID, position: int) -> str:
    return f"claim.attachment/{claim_id}/{position}"
