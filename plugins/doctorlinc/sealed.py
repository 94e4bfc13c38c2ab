"""What of a patient is sealed, and under which labels."""

from uuid import UUID

from masterlinc.identity import normalize_identifier
from masterlinc.sealing import Vault

_IDENTIFIER = "doctorlinc.patient_identifier.value"


def seal(vault: Vault, organization_id: UUID, row_id: UUID, column: str, value: str | None) -> bytes | None:
    """Seal a column of a row."""
    return None if value is None else vault.seal(organization_id, f"doctorlinc.{column}/{row_id}", value.encode())


def opened(vault: Vault, organization_id: UUID, row_id: UUID, column: str, sealed: bytes | None) -> str | None:
    """Open a column of a row."""
    return None if sealed is None else vault.open(organization_id, f"doctorlinc.{column}/{row_id}", sealed).decode()


def identifier_index(vault: Vault, organization_id: UUID, value: str) -> bytes:
    """Return what an identifier of any system is found by."""
    return vault.blind(organization_id, _IDENTIFIER, normalize_identifier(value))


def medical_record_index(vault: Vault, organization_id: UUID, value: str) -> bytes:
    """Return what a medical record number is found by."""
    return vault.blind(organization_id, "doctorlinc.patient.medical_record_number", normalize_identifier(value))


def phone_index(vault: Vault, organization_id: UUID, phone: str) -> bytes:
    """Return what a phone in its one form is found by."""
    return vault.blind(organization_id, "doctorlinc.patient.phone", phone)
