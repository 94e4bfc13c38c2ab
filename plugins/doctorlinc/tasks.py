"""What other agents may ask."""

from collections.abc import Iterator
from typing import Any

from doctorlinc import sealed, service
from doctorlinc.contract import FindPatient, FindPractitioner, FoundPatient, FoundPractitioner, PatientIdentifier
from masterlinc.agent import Task
from masterlinc.context import Context


async def _find_patient(ctx: Context, request: FindPatient) -> FoundPatient:
    row = await service.find_patient(ctx, request.reference)
    if row is None:
        return FoundPatient(found=False)
    return FoundPatient(
        found=True,
        patient_id=row["id"],
        name=row["name"],
        birth_date=row["birth_date"],
        gender=row["gender"],
        phone=service.open_column(ctx, row, "phone"),
        identifiers=tuple(_identifiers(ctx, row)),
        payer_license=row["payer_license"],
        policy_number=service.open_column(ctx, row, "policy_number"),
        member_number=service.open_column(ctx, row, "member_number"),
    )


def _identifiers(ctx: Context, row: Any) -> Iterator[PatientIdentifier]:
    columns = ("identifier_ids", "identifier_systems", "identifier_values", "identifiers_valid")
    for key, system, value, valid in zip(*(row[name] or () for name in columns), strict=True):
        opened = sealed.opened(ctx.vault, row["organization_id"], key, "patient_identifier.value", value)
        yield PatientIdentifier(system, opened or "", valid)


async def _find_practitioner(ctx: Context, request: FindPractitioner) -> FoundPractitioner:
    async with ctx.transaction():
        row = await service.find_practitioner(ctx, request.reference)
    if row is None:
        return FoundPractitioner(found=False)
    return FoundPractitioner(
        found=True,
        practitioner_id=row["id"],
        name=row["name"],
        license=row["license"],
        qualification=row["specialty"],
    )


TASKS = (
    # No tool: it answers identity numbers in the clear, and what a tool answers may leave the hospital with the model.
    Task(
        FindPatient,
        FoundPatient,
        _find_patient,
        "Find a patient by PAT- number, medical record number or identifier",
        "البحث عن مريض برقم PAT- أو رقم الملف الطبي أو رقم الهوية",
        permission="patient:contact",
        joins_transaction=True,
    ),
    Task(
        FindPractitioner,
        FoundPractitioner,
        _find_practitioner,
        "Find a practitioner by PRA- number or licence",
        "البحث عن ممارس برقم PRA- أو رقم الترخيص",
        permission="patient:read",
        joins_transaction=True,
        tool=True,
    ),
)
