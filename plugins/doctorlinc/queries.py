"""Patients, practitioners, schedules and appointments, on the open transaction; a row answers to its columns' names.

Patients are read with raw SQL, which is the quickest, from three sides of one list of columns.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from piccolo.columns.combination import Where

from doctorlinc.tables import Appointment, Patient, Practitioner, Schedule
from masterlinc import wire
from masterlinc.context import Context
from masterlinc.db import Transaction

COUNTED = 1000  # totals are exact to here

_PATIENT = """p.organization_id, p.id, p.name, p.name_ar, p.birth_date, p.gender, p.medical_record_number,
    p.phone, p.email, p.payer_license, p.policy_number, p.member_number"""


class Numbers(NamedTuple):
    """The blind indexes that a number is looked for by, in each organization: as medical record, as identifier."""

    records: Sequence[bytes] = ()
    identifiers: Sequence[bytes] = ()


async def insert_patient(tx: Transaction, patient: Patient, folded: str) -> None:
    """Add a patient, and the row that searches find it by: raw, since Piccolo reads back and `app` may not there."""
    await Patient.insert(patient)
    await tx.execute(
        "INSERT INTO doctorlinc.patient_search (organization_id, patient_id, folded, name_key) VALUES ($1, $2, $3, $4)",
        patient.organization_id,
        patient.id,
        folded,
        patient.name_key,
    )


async def patient(tx: Transaction, organizations: Sequence[UUID], patient_id: UUID) -> Any:
    """Return a patient's row, or None."""
    return await tx.fetchrow(
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1) AND p.id = $2",  # noqa: S608 - our own columns
        organizations,
        patient_id,
    )


async def find_patient(ctx: Context, wanted: UUID | Numbers, audit_id: UUID | None) -> Any:
    """Return the one patient with this id or number and their identifiers, or None: one call, also by itself."""
    numbers = wanted if isinstance(wanted, Numbers) else Numbers()
    scope, actor = sorted(ctx.principal.organizations), ctx.actor
    return await ctx.db.call(
        "SELECT * FROM doctorlinc.find_patient($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        scope,
        scope,
        wanted if isinstance(wanted, UUID) else None,
        numbers.records,
        numbers.identifiers,
        audit_id,
        actor.id,
        actor.kind,
        actor.session_id,
        actor.trace_id,
        wire.dump(actor.source),
    )


async def patients_by_name(
    tx: Transaction, organizations: Sequence[UUID], limit: int, offset: int
) -> tuple[list[Any], int]:
    """Return a page of all patients by name, and how many there are, counted to one more than COUNTED."""
    rows = await tx.fetch(
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1)"  # noqa: S608 - our own columns
        " ORDER BY p.name_key, p.id LIMIT $2 OFFSET $3",
        organizations,
        limit,
        offset,
    )
    total = await tx.fetchval(
        "SELECT count(*) FROM (SELECT 1 FROM doctorlinc.patient WHERE organization_id = ANY ($1) LIMIT $2) AS counted",
        organizations,
        COUNTED + 1,
    )
    return rows, total


async def patients_like(tx: Transaction, words: Sequence[str], limit: int, offset: int) -> tuple[list[Any], int]:
    """Return a page of the patients whose names hold these folded words, and how many there are."""
    found = await tx.fetch("SELECT * FROM doctorlinc.search_patients($1, $2, $3)", words, offset, limit)
    if not found:
        return [], 0
    keys = [(row["organization_id"], row["patient_id"]) for row in found if row["patient_id"] is not None]
    rows = await tx.fetch(
        f"SELECT {_PATIENT} FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (organization_id, id, place)"  # noqa: S608 - our own columns
        " JOIN doctorlinc.patient p USING (organization_id, id) ORDER BY wanted.place",
        [organization_id for organization_id, _ in keys],
        [patient_id for _, patient_id in keys],
    )
    return rows, found[0]["total"]


async def patients_by_index(
    tx: Transaction,
    organizations: Sequence[UUID],
    records: Sequence[bytes],
    identifiers: Sequence[bytes],
    phones: Sequence[bytes],
) -> list[Any]:
    """Return the patients with one of these medical record numbers, valid or sent identifiers, or phones."""
    return await tx.fetch(
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1) AND p.id IN ("  # noqa: S608 - our own columns
        " SELECT id FROM doctorlinc.patient WHERE organization_id = ANY ($1) AND medical_record_index = ANY ($2)"
        " UNION SELECT patient_id FROM doctorlinc.patient_identifier"
        " WHERE organization_id = ANY ($1) AND value_index = ANY ($3)"
        " UNION SELECT id FROM doctorlinc.patient WHERE organization_id = ANY ($1) AND phone_index = ANY ($4)"
        ") ORDER BY p.name_key, p.id LIMIT $5",
        organizations,
        records,
        identifiers,
        phones,
        COUNTED + 1,
    )


async def practitioner_by_id(organizations: Sequence[UUID], practitioner_id: UUID) -> dict[str, Any] | None:
    """Return a practitioner's row, or None."""
    return await _practitioner(organizations, Practitioner.id == practitioner_id)


async def practitioner_by_license(organizations: Sequence[UUID], license_: str) -> dict[str, Any] | None:
    """Return a practitioner's row by licence, or None."""
    return await _practitioner(organizations, Practitioner.license == license_)


async def _practitioner(organizations: Sequence[UUID], wanted: Where) -> dict[str, Any] | None:
    if not organizations:  # Piccolo refuses an empty list
        return None
    in_scope = Practitioner.organization_id.is_in(list(organizations))
    return await Practitioner.select().where(in_scope, wanted).first()


async def replace_schedule(organization_id: UUID, practitioner_id: UUID, hours: Sequence[Schedule]) -> None:
    """Put these hours in place of a practitioner's."""
    await Schedule.delete().where(
        Schedule.organization_id == organization_id, Schedule.practitioner_id == practitioner_id
    )
    if hours:
        await Schedule.insert(*hours)


async def schedule(organization_id: UUID, practitioner_id: UUID) -> list[dict[str, Any]]:
    """Return the weekly hours of a practitioner."""
    return (
        await Schedule.select(Schedule.weekday, Schedule.opens, Schedule.closes, Schedule.slot_minutes)
        .where(Schedule.organization_id == organization_id, Schedule.practitioner_id == practitioner_id)
        .order_by(Schedule.weekday, Schedule.opens)
    )


async def insert_appointment(appointment: Appointment) -> bool:
    """Add an appointment; False when a constraint says that it overlaps another.

    With ON CONFLICT, racing inserts wait for each other in one direction; a bare insert would deadlock.
    """
    return bool(await Appointment.insert(appointment).on_conflict(action="DO NOTHING"))


async def patient_is_busy(organization_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime) -> bool:
    """Say whether a patient has an appointment in this time."""
    return await Appointment.exists().where(
        Appointment.organization_id == organization_id,
        Appointment.patient_id == patient_id,
        Appointment.status != "cancelled",
        Appointment.starts_at < ends_at,
        Appointment.ends_at > starts_at,
    )
