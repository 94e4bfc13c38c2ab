"""What comes in and goes out over HTTP."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

Gender = Literal["male", "female", "other", "unknown"]


class PatientForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A patient as a clerk keys them in."""

    name: str
    name_ar: str | None = None
    date_of_birth: date
    gender: Gender
    national_id: str | None = None
    iqama: str | None = None
    passport_number: str | None = None
    border_number: str | None = None
    medical_record_number: str | None = None
    contact_phone: str | None = None
    contact_email: str | None = None
    payer_license: str | None = None
    policy_number: str | None = None
    member_number: str | None = None


class PatientSummary(Struct, frozen=True, kw_only=True):
    """A patient as shown to who needs no way to reach them."""

    patient_id: str
    name: str
    name_ar: str | None
    date_of_birth: date
    gender: Gender
    medical_record_number: str | None
    policy_number: str | None


class PatientView(PatientSummary, frozen=True, kw_only=True):
    """A patient as shown to who calls and writes to patients."""

    contact_phone: str | None
    contact_email: str | None


class PatientPage(Struct, frozen=True, kw_only=True):
    """A page of patients; `total` is exact to 1,000."""

    patients: list[PatientView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class PatientSummaryPage(Struct, frozen=True, kw_only=True):
    """A page of patients for who needs no way to reach them."""

    patients: list[PatientSummary]
    total: int
    page: int
    page_size: int
    total_exact: bool


# What a route answers, with a way to reach patients or without.
PatientSeen = PatientView | PatientSummary
PatientsSeen = PatientPage | PatientSummaryPage


class AppointmentForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An appointment to book; a time without a zone is Riyadh time."""

    patient_id: str
    provider_id: str
    appointment_date: str
    appointment_type: str
    notes: str | None = None
    duration_minutes: int | None = None


class AppointmentView(Struct, frozen=True, kw_only=True):
    """A booked appointment: what was sent, and what it came to."""

    appointment_id: str
    patient_id: str
    provider_id: str
    appointment_date: str
    appointment_type: str
    notes: str | None
    status: Literal["scheduled", "completed", "cancelled"]
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
