"""Checks of what a person keyed in: every fault is found, not only the first."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from doctorlinc.errors import fault
from doctorlinc.schemas import AppointmentForm, Gender, PatientForm
from masterlinc import identity, text
from masterlinc.clock import RIYADH
from masterlinc.errors import FieldError, Invalid

NAME_LENGTH = 200
SHORTEST, LONGEST = 5, 480  # minutes of an appointment
_FIRST_BIRTH = date(1900, 1, 1)
_GRACE = timedelta(days=1)  # yesterday's visit may be written down today
_HORIZON = timedelta(days=731)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_EMAIL = re.compile(r"[^@\s\"<>(),;:\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_IDENTIFIERS = (
    ("national_id", identity.NATIONAL_ID, "national-id"),
    ("iqama", identity.IQAMA, "iqama"),
    ("passport_number", identity.PASSPORT, "identifier"),
    ("border_number", identity.BORDER_NUMBER, "identifier"),
)


@dataclass(frozen=True)
class CheckedPatient:
    """A patient whose values keep their rules."""

    name: str
    name_ar: str | None
    birth_date: date
    gender: Gender
    identifiers: tuple[tuple[str, str, str], ...]  # field, system, value
    medical_record_number: str | None
    phone: str | None
    email: str | None
    payer_license: str | None
    policy_number: str | None
    member_number: str | None


@dataclass(frozen=True)
class CheckedAppointment:
    """An appointment whose values keep their rules; its end follows from the practitioner where none was sent."""

    starts_at: datetime
    minutes: int | None
    provider: str
    appointment_type: str
    notes: str | None


def check_patient(form: PatientForm, today: date) -> CheckedPatient:
    """Check a keyed patient; raises Invalid with every fault."""
    faults: list[FieldError] = []
    checked = CheckedPatient(
        name=_name(faults, "name", form.name) or "",
        name_ar=_name(faults, "name_ar", form.name_ar),
        birth_date=form.date_of_birth,
        gender=form.gender,
        identifiers=_identifiers(faults, form),
        medical_record_number=_number(faults, "medical_record_number", form.medical_record_number),
        phone=_phone(faults, form.contact_phone),
        email=_email(faults, form.contact_email),
        payer_license=_number(faults, "payer_license", form.payer_license),
        policy_number=_number(faults, "policy_number", form.policy_number),
        member_number=_number(faults, "member_number", form.member_number),
    )
    if not _FIRST_BIRTH <= form.date_of_birth <= today:
        faults.append(fault("date_of_birth", "birth-date"))
    if faults:
        raise Invalid(errors=faults)
    return checked


def check_appointment(form: AppointmentForm, now: datetime) -> CheckedAppointment:
    """Check an appointment's own values; raises Invalid with every fault."""
    faults: list[FieldError] = []
    checked = CheckedAppointment(
        starts_at=_start(faults, form.appointment_date, now),
        minutes=form.duration_minutes,
        provider=_text(faults, "provider_id", form.provider_id, 100) or "",
        appointment_type=_text(faults, "appointment_type", form.appointment_type, 100) or "",
        notes=_text(faults, "notes", form.notes, 4000, least=0, lines=True) or None,
    )
    if form.duration_minutes is not None and not SHORTEST <= form.duration_minutes <= LONGEST:
        faults.append(fault("duration_minutes", "duration"))
    if faults:
        raise Invalid(errors=faults)
    return checked


def check_practitioner(
    license_: str, name: str, name_ar: str | None, specialty: str
) -> tuple[str, str, str | None, str]:
    """Check a practitioner; raises Invalid with every fault."""
    faults: list[FieldError] = []
    checked = (
        _number(faults, "license", license_) or "",
        _name(faults, "name", name) or "",
        _name(faults, "name_ar", name_ar),
        _number(faults, "specialty", specialty) or "",
    )
    if faults:
        raise Invalid(errors=faults)
    return checked


def _text(
    faults: list[FieldError], path: str, value: str | None, most: int, *, least: int = 1, lines: bool = False
) -> str | None:
    if value is None:
        return None
    try:
        return text.clean(value, least=least, most=most, lines=lines)
    except ValueError:
        faults.append(fault(path, "text"))
        return None


def _name(faults: list[FieldError], path: str, value: str | None) -> str | None:
    checked = _text(faults, path, value, NAME_LENGTH)
    if checked is not None and not any(letter.isalpha() for letter in checked):
        faults.append(fault(path, "text"))
    return checked


def _number(faults: list[FieldError], path: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return text.clean_identifier(value)
    except ValueError:
        faults.append(fault(path, "text"))
        return None


def _identifiers(faults: list[FieldError], form: PatientForm) -> tuple[tuple[str, str, str], ...]:
    checked = []
    for field, system, code in _IDENTIFIERS:
        value = getattr(form, field)
        if value is None:
            continue
        try:
            number = identity.normalize_identifier(value)
        except ValueError:
            number = ""
        if identity.identifier_is_valid(system, number):
            checked.append((field, system, number))
        else:
            faults.append(fault(field, code))
    return tuple(checked)


def _phone(faults: list[FieldError], value: str | None) -> str | None:
    if value is None:
        return None
    phone = identity.normalize_phone(value)
    if phone is None:
        faults.append(fault("contact_phone", "phone"))
    return phone


def _email(faults: list[FieldError], value: str | None) -> str | None:
    if value is None:
        return None
    email = value.strip()
    if len(email) > 254 or not _EMAIL.fullmatch(email):  # noqa: PLR2004 - the longest address (RFC 5321)
        faults.append(fault("contact_email", "email"))
        return None
    return email


def _start(faults: list[FieldError], value: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if _TIME.fullmatch(value) else None
        start = moment and (moment if moment.tzinfo else moment.replace(tzinfo=RIYADH))
        if start is None:
            faults.append(fault("appointment_date", "time"))
        elif start < now - _GRACE:
            faults.append(fault("appointment_date", "past"))
        elif start > now + _HORIZON:
            faults.append(fault("appointment_date", "far"))
        else:
            return start
    except (ValueError, OverflowError):
        faults.append(fault("appointment_date", "time"))
    return now
