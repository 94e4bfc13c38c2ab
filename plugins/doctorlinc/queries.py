"""The SQL of patients, practitioners, schedules and appointments; rows are asyncpg records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction

COUNTED = 1000  # totals are exact to here

_PATIENT = """p.organization_id, p.id, p.name, p.name_ar, p.birth_date, p.gender, p.medical_record_number,
    p.phone, p.email, p.payer_license, p.policy_number, p.member_number"""


async def insert_patient(tx: Transaction, patient: Sequence[Any], folded: str) -> None:
    """Add a patient, and the row that searches find it by; `patient` is in the order of the columns below."""
    await tx.execute(
        "INSERT INTO doctorlinc.patient (organization_id, id, name, name_ar, name_key, birth_date, gender,"
        " medical_record_number, medical_record_index, phone, phone_index, email, payer_license, policy_number,"
        " member_number, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        *patient,
    )
    organization_id, patient_id, name_key = patient[0], patient[1], patient[4]
    await tx.execute(
        "INSERT INTO doctorlinc.patient_search (organization_id, patient_id, folded, name_key) VALUES ($1, $2, $3, $4)",
        organization_id,
        patient_id,
        folded,
        name_key,
    )


async def insert_identifier(tx: Transaction, identifier: Sequence[Any]) -> None:
    """Add an identifier of a patient."""
    await tx.execute(
        "INSERT INTO doctorlinc.patient_identifier (organization_id, id, patient_id, system, value, value_index, valid)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *identifier,
    )


async def patient(tx: Transaction, organizations: Sequence[UUID], patient_id: UUID) -> Any:
    """Return a patient's row, or None."""
    return await tx.fetchrow(
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1) AND p.id = $2",  # noqa: S608
        organizations,
        patient_id,
    )


async def patients_by_name(
    tx: Transaction, organizations: Sequence[UUID], limit: int, offset: int
) -> tuple[list[Any], int]:
    """Return a page of all patients by name, and how many there are, counted to one more than COUNTED."""
    rows = await tx.fetch(
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1)"  # noqa: S608
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
        f"SELECT {_PATIENT} FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (organization_id, id, place)"  # noqa: S608
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
        f"SELECT {_PATIENT} FROM doctorlinc.patient p WHERE p.organization_id = ANY ($1) AND p.id IN ("  # noqa: S608
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


async def identifiers(tx: Transaction, organization_id: UUID, patient_id: UUID) -> list[Any]:
    """Return the identifiers of a patient."""
    return await tx.fetch(
        "SELECT id, system, value, valid FROM doctorlinc.patient_identifier"
        " WHERE organization_id = $1 AND patient_id = $2 ORDER BY id",
        organization_id,
        patient_id,
    )


async def insert_practitioner(tx: Transaction, practitioner: Sequence[Any]) -> None:
    """Add a practitioner."""
    await tx.execute(
        "INSERT INTO doctorlinc.practitioner (organization_id, id, license, name, name_ar, specialty, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *practitioner,
    )


async def practitioner(
    tx: Transaction, organizations: Sequence[UUID], practitioner_id: UUID | None, license_: str | None
) -> Any:
    """Return a practitioner's row by id or licence, or None."""
    return await tx.fetchrow(
        "SELECT organization_id, id, license, name, name_ar, specialty FROM doctorlinc.practitioner"
        " WHERE organization_id = ANY ($1) AND (id = $2 OR license = $3) LIMIT 1",
        organizations,
        practitioner_id,
        license_,
    )


async def replace_schedule(
    tx: Transaction, organization_id: UUID, practitioner_id: UUID, hours: Sequence[Sequence[Any]]
) -> None:
    """Put these hours in place of a practitioner's; each is (id, weekday, opens, closes, slot_minutes)."""
    await tx.execute(
        "DELETE FROM doctorlinc.schedule WHERE organization_id = $1 AND practitioner_id = $2",
        organization_id,
        practitioner_id,
    )
    await tx.executemany(
        "INSERT INTO doctorlinc.schedule (organization_id, practitioner_id, id, weekday, opens, closes, slot_minutes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [(organization_id, practitioner_id, *hour) for hour in hours],
    )


async def schedule(tx: Transaction, organization_id: UUID, practitioner_id: UUID) -> list[Any]:
    """Return the weekly hours of a practitioner."""
    return await tx.fetch(
        "SELECT weekday, opens, closes, slot_minutes FROM doctorlinc.schedule"
        " WHERE organization_id = $1 AND practitioner_id = $2 ORDER BY weekday, opens",
        organization_id,
        practitioner_id,
    )


async def insert_appointment(tx: Transaction, appointment: Sequence[Any]) -> bool:
    """Add a scheduled appointment; False when a constraint says that it overlaps another.

    With ON CONFLICT, racing inserts wait for each other in one direction; a bare insert would deadlock.
    """
    made = await tx.fetchval(
        "INSERT INTO doctorlinc.appointment (organization_id, id, patient_id, practitioner_id, provider_reference,"
        " starts_at, ends_at, appointment_type, notes, status, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'scheduled', $10) ON CONFLICT DO NOTHING RETURNING id",
        *appointment,
    )
    return made is not None


async def patient_is_busy(
    tx: Transaction, organization_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime
) -> bool:
    """Say whether a patient has an appointment in this time."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT 1 FROM doctorlinc.appointment WHERE organization_id = $1 AND patient_id = $2"
            " AND status <> 'cancelled' AND starts_at < $4 AND ends_at > $3)",
            organization_id,
            patient_id,
            starts_at,
            ends_at,
        )
    )
