"""Patients and practitioners of an organization: registering, finding, showing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import structs

from doctorlinc import forms, queries, sealed
from doctorlinc.contract import PatientRegistered
from doctorlinc.errors import PatientKnown, PatientUnknown, PractitionerKnown, fault
from doctorlinc.forms import CheckedPatient
from doctorlinc.schemas import PatientForm, PatientSeen, PatientSummary, PatientView
from doctorlinc.tables import Patient, PatientIdentifier, Practitioner
from masterlinc import ids, text
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import Invalid
from masterlinc.identity import identifier_is_valid, normalize_identifier, normalize_phone

CONTACT = "patient:contact"
_LONGEST_SEARCH = 100


async def register_patient(ctx: Context, form: PatientForm) -> PatientSeen:
    """Register a keyed patient with the caller's organization; raises Invalid, or PatientKnown for a number in use."""
    checked = forms.check_patient(form, today(ctx.clock))
    organization_id, patient_id = ctx.principal.organization_id, ids.new_id()
    field = "medical_record_number"
    try:
        async with ctx.transaction() as tx:
            await _insert_patient(ctx, tx, patient_id, checked)
            for path, system, value in checked.identifiers:
                field = path
                await _insert_identifier(ctx, patient_id, system, value)
            tx.publish(
                PatientRegistered(patient_id, organization_id), aggregate=patient_id, organization_id=organization_id
            )
            tx.audit(
                "patient.create",
                "patient",
                ids.show("PAT", patient_id),
                organization_id=organization_id,
                patient=patient_id,
            )
    except asyncpg.UniqueViolationError:
        raise PatientKnown(errors=[fault(field, "known")]) from None
    summary = PatientSummary(
        patient_id=ids.show("PAT", patient_id),
        name=checked.name,
        name_ar=checked.name_ar,
        date_of_birth=checked.birth_date,
        gender=checked.gender,
        medical_record_number=checked.medical_record_number,
        policy_number=checked.policy_number,
    )
    return _with_contact(summary, checked.phone, checked.email) if ctx.principal.may(CONTACT) else summary


async def get_patient(ctx: Context, reference: str) -> PatientSeen:
    """Return a patient by PAT- number; raises NotFound."""
    patient_id = ids.parse("PAT", reference)
    row = await queries.find_patient(ctx, patient_id, ids.new_id())
    if row is None:
        raise PatientUnknown
    return _view(ctx, row)


async def list_patients(ctx: Context, search: str | None, *, limit: int, offset: int) -> tuple[list[PatientSeen], int]:
    """Return a page of patients and their number, counted to 1,001: all, by name, or by an exact number."""
    wanted = _search_text(search)
    async with ctx.transaction() as tx:
        if not wanted:
            rows, total = await queries.patients_by_name(tx, organizations(ctx), limit, offset)
        elif any(letter.isdigit() for letter in wanted):
            found = await _patients_by_number(ctx, tx, wanted)
            rows, total = found[offset : offset + limit], len(found)
        else:
            words = sorted(set(text.fold(wanted).split()), key=lambda word: (-len(word), word))
            rows, total = await queries.patients_like(tx, words, limit, offset) if words else ([], 0)
        for row in rows:
            _audit_listed(tx, row)
        return [_view(ctx, row) for row in rows], total


async def find_patient(ctx: Context, reference: str, *, by_identifier: bool = True, audited: bool = True) -> Any:
    """Return a patient's row by PAT- number, medical record number or, if asked, identifier; None for none or two."""
    if reference.startswith("PAT-"):
        if not ids.looks_like("PAT", reference):
            return None
        return await queries.find_patient(ctx, ids.parse("PAT", reference), ids.new_id() if audited else None)
    try:
        number = normalize_identifier(reference)
    except ValueError:
        return None
    scope = organizations(ctx)
    numbers = queries.Numbers(
        [sealed.medical_record_index(ctx.vault, one, number) for one in scope],
        [sealed.identifier_index(ctx.vault, one, number) for one in scope] if by_identifier else [],
    )
    return await queries.find_patient(ctx, numbers, ids.new_id() if audited else None)


async def register_practitioner(ctx: Context, *, license_: str, name: str, name_ar: str | None, specialty: str) -> UUID:
    """Register a practitioner with the caller's organization; `specialty` is an NPHIES practice code."""
    license_, name, name_ar, specialty = forms.check_practitioner(license_, name, name_ar, specialty)
    organization_id, practitioner_id = ctx.principal.organization_id, ids.new_id()
    try:
        async with ctx.transaction() as tx:
            await Practitioner.insert(
                Practitioner(
                    organization_id=organization_id,
                    id=practitioner_id,
                    license=license_,
                    name=name,
                    name_ar=name_ar,
                    specialty=specialty,
                    created_at=ctx.clock.now(),
                )
            )
            tx.audit(
                "practitioner.create",
                "practitioner",
                ids.show("PRA", practitioner_id),
                organization_id=organization_id,
            )
    except asyncpg.UniqueViolationError:
        raise PractitionerKnown(errors=[fault("license", "known")]) from None
    return practitioner_id


async def find_practitioner(ctx: Context, reference: str) -> dict[str, Any] | None:
    """Return the row of a practitioner by PRA- number or licence, or None."""
    if reference.startswith("PRA-"):
        if not ids.looks_like("PRA", reference):
            return None
        return await queries.practitioner_by_id(organizations(ctx), ids.parse("PRA", reference))
    try:
        license_ = text.clean_identifier(reference)
    except ValueError:
        return None
    return await queries.practitioner_by_license(organizations(ctx), license_)


def organizations(ctx: Context) -> Sequence[UUID]:
    """Return the organizations whose rows the caller may touch."""
    return sorted(ctx.principal.organizations)


def _audit_listed(tx: Transaction, row: Any) -> None:
    patient, home = row["id"], row["organization_id"]
    tx.audit("patient.list", "patient", ids.show("PAT", patient), organization_id=home, patient=patient)


def open_column(ctx: Context, row: Any, column: str) -> str | None:
    """Open a sealed column of a patient's row."""
    return sealed.opened(ctx.vault, row["organization_id"], row["id"], f"patient.{column}", row[column])


async def _insert_patient(ctx: Context, tx: Transaction, patient_id: UUID, checked: CheckedPatient) -> None:
    vault, organization_id = ctx.vault, ctx.principal.organization_id
    record, phone = checked.medical_record_number, checked.phone

    def seal(column: str, value: str | None) -> bytes | None:
        return sealed.seal(vault, organization_id, patient_id, f"patient.{column}", value)

    names = " ".join(name for name in (checked.name, checked.name_ar) if name)
    patient = Patient(
        organization_id=organization_id,
        id=patient_id,
        name=checked.name,
        name_ar=checked.name_ar,
        name_key=text.sort_key(checked.name),
        birth_date=checked.birth_date,
        gender=checked.gender,
        medical_record_number=seal("medical_record_number", record),
        medical_record_index=sealed.medical_record_index(vault, organization_id, record) if record else None,
        phone=seal("phone", phone),
        phone_index=sealed.phone_index(vault, organization_id, phone) if phone else None,
        email=seal("email", checked.email),
        payer_license=checked.payer_license,
        policy_number=seal("policy_number", checked.policy_number),
        member_number=seal("member_number", checked.member_number),
        created_at=ctx.clock.now(),
    )
    await queries.insert_patient(tx, patient, f" {text.fold(names)}")


async def _insert_identifier(ctx: Context, patient_id: UUID, system: str, value: str) -> None:
    vault, organization_id, identifier_id = ctx.vault, ctx.principal.organization_id, ids.new_id()
    await PatientIdentifier.insert(
        PatientIdentifier(
            organization_id=organization_id,
            id=identifier_id,
            patient_id=patient_id,
            system=system,
            value=sealed.seal(vault, organization_id, identifier_id, "patient_identifier.value", value),
            value_index=sealed.identifier_index(vault, organization_id, value),
            valid=identifier_is_valid(system, value),
        )
    )


def _search_text(search: str | None) -> str:
    try:
        return text.clean(search or "", most=_LONGEST_SEARCH)
    except ValueError:
        raise Invalid(errors=[fault("search", "text")]) from None


async def _patients_by_number(ctx: Context, tx: Transaction, wanted: str) -> list[Any]:
    scope = organizations(ctx)
    if ids.looks_like("PAT", wanted):
        row = await queries.patient(tx, scope, ids.parse("PAT", wanted))
        return [row] if row is not None else []
    try:
        number = normalize_identifier(wanted)
    except ValueError:
        return []
    phone = normalize_phone(wanted) if ctx.principal.may(CONTACT) else None  # else a search would tell whose it is
    return await queries.patients_by_index(
        tx,
        scope,
        [sealed.medical_record_index(ctx.vault, one, number) for one in scope],
        [sealed.identifier_index(ctx.vault, one, number) for one in scope],
        [sealed.phone_index(ctx.vault, one, phone) for one in scope] if phone else [],
    )


def _view(ctx: Context, row: Any) -> PatientSeen:
    summary = PatientSummary(
        patient_id=ids.show("PAT", row["id"]),
        name=row["name"],
        name_ar=row["name_ar"],
        date_of_birth=row["birth_date"],
        gender=row["gender"],
        medical_record_number=open_column(ctx, row, "medical_record_number"),
        policy_number=open_column(ctx, row, "policy_number"),
    )
    if not ctx.principal.may(CONTACT):
        return summary
    return _with_contact(summary, open_column(ctx, row, "phone"), open_column(ctx, row, "email"))


def _with_contact(summary: PatientSummary, phone: str | None, email: str | None) -> PatientView:
    return PatientView(**structs.asdict(summary), contact_phone=phone, contact_email=email)
