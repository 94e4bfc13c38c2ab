"""The tables of this agent, as Piccolo queries them; the migrations say what they are.

Piccolo knows no key of several columns: of each, one column stands for it, and every query names the organization.
"""

from piccolo.columns import UUID, Boolean, Bytea, Date, SmallInt, Text, Timestamptz
from piccolo.table import Table

from masterlinc.db import ENGINE


class Patient(Table, schema="doctorlinc", db=ENGINE):
    """A patient; what is sealed is found by the blind index beside it."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    name_ar = Text(null=True, default=None)
    name_key = Text(default=None)
    birth_date = Date(default=None)
    gender = Text(default=None)
    medical_record_number = Bytea(null=True, default=None)
    medical_record_index = Bytea(null=True, default=None)
    phone = Bytea(null=True, default=None)
    phone_index = Bytea(null=True, default=None)
    email = Bytea(null=True, default=None)
    payer_license = Text(null=True, default=None)
    policy_number = Bytea(null=True, default=None)
    member_number = Bytea(null=True, default=None)
    created_at = Timestamptz(default=None)


class PatientIdentifier(Table, schema="doctorlinc", db=ENGINE):
    """An identifier of a patient."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    patient_id = UUID(default=None)
    system = Text(default=None)
    value = Bytea(default=None)
    value_index = Bytea(default=None)
    valid = Boolean(default=None)


class PatientSearch(Table, schema="doctorlinc", db=ENGINE):
    """The row that a patient's names are searched in; `app` adds it, and only `search_patients` reads it."""

    organization_id = UUID(default=None)
    patient_id = UUID(primary_key=True, default=None)
    folded = Text(default=None)
    name_key = Text(default=None)


class Practitioner(Table, schema="doctorlinc", db=ENGINE):
    """A practitioner."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    license = Text(default=None)
    name = Text(default=None)
    name_ar = Text(null=True, default=None)
    specialty = Text(default=None)
    created_at = Timestamptz(default=None)


class Schedule(Table, schema="doctorlinc", db=ENGINE):
    """Weekly hours of a practitioner."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    practitioner_id = UUID(default=None)
    weekday = SmallInt(default=None)
    opens = SmallInt(default=None)
    closes = SmallInt(default=None)
    slot_minutes = SmallInt(default=None)


class Appointment(Table, schema="doctorlinc", db=ENGINE):
    """An appointment."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    patient_id = UUID(default=None)
    practitioner_id = UUID(null=True, default=None)
    provider_reference = Text(default=None)
    starts_at = Timestamptz(default=None)
    ends_at = Timestamptz(default=None)
    appointment_type = Text(default=None)
    notes = Bytea(null=True, default=None)
    status = Text(default=None)
    created_at = Timestamptz(default=None)


TABLES = (Patient, PatientIdentifier, PatientSearch, Practitioner, Schedule, Appointment)
