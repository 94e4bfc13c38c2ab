"""Appointments that cannot overlap."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0002_appointments"
VERSION = "1.38.0"
DESCRIPTION = "appointments"

_APPOINTMENTS = f"""
-- An appointment with the organization itself has no practitioner: only the patient's other appointments constrain it.
CREATE TABLE doctorlinc.appointment (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    practitioner_id uuid,
    provider_reference text NOT NULL,  -- as it was sent
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    appointment_type text NOT NULL CHECK (appointment_type <> '' AND length(appointment_type) <= 100),
    notes bytea,
    status text NOT NULL CHECK (status IN ('scheduled', 'completed', 'cancelled')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES doctorlinc.patient ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, practitioner_id) REFERENCES doctorlinc.practitioner ON DELETE RESTRICT,
    CONSTRAINT appointment_of_practitioner EXCLUDE USING gist (
        organization_id WITH =, practitioner_id WITH =, tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (status <> 'cancelled'),
    CONSTRAINT appointment_of_patient EXCLUDE USING gist (
        organization_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (status <> 'cancelled')
);
{tenant_table_policy("doctorlinc.appointment")}
"""


async def forwards() -> MigrationManager:
    return migration("doctorlinc", ID, DESCRIPTION, _APPOINTMENTS)
