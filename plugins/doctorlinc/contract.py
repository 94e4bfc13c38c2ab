"""What other agents may know of patients and practitioners."""

from datetime import date
from uuid import UUID

from msgspec import Struct


class PatientIdentifier(Struct, frozen=True):
    """An identifier of a patient; `valid` is false when its own rules are broken."""

    system: str
    value: str
    valid: bool = True


class FindPatient(Struct, frozen=True):
    """Find a patient of the caller's organization by PAT- number, medical record number or national identifier."""

    reference: str


class FoundPatient(Struct, frozen=True):
    """The patient found; `found` is false when there is none."""

    found: bool
    patient_id: UUID | None = None
    name: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    phone: str | None = None
    identifiers: tuple[PatientIdentifier, ...] = ()
    payer_license: str | None = None
    policy_number: str | None = None
    member_number: str | None = None


class FindPractitioner(Struct, frozen=True):
    """Find a practitioner of the caller's organization by PRA- number or licence."""

    reference: str


class FoundPractitioner(Struct, frozen=True):
    """The practitioner found; `found` is false when there is none."""

    found: bool
    practitioner_id: UUID | None = None
    name: str | None = None
    license: str | None = None
    qualification: str | None = None


class PatientRegistered(Struct, frozen=True, tag="doctorlinc.patient_registered.v1"):
    """A patient was registered."""

    patient_id: UUID
    organization_id: UUID


class AppointmentBooked(Struct, frozen=True, tag="doctorlinc.appointment_booked.v1"):
    """An appointment was booked."""

    appointment_id: UUID
    organization_id: UUID
