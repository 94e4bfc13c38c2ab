"""What other agents may ask."""

from doctorlinc import queries, sealed, service
from doctorlinc.contract import FindPatient, FindPractitioner, FoundPatient, FoundPractitioner, PatientIdentifier
from masterlinc.agent import Task
from masterlinc.context import Context


async def _find_patient(ctx: Context, request: FindPatient) -> FoundPatient:
    async with ctx.transaction() as tx:
        row = await service.find_patient(ctx, tx, request.reference)
        if row is None:
            return FoundPatient(found=False)
        organization_id, patient_id = row["organization_id"], row["id"]
        identifiers = tuple(
            PatientIdentifier(
                one["system"],
                sealed.opened(ctx.vault, organization_id, one["id"], "patient_identifier.value", one["value"]) or "",
                one["valid"],
            )
            for one in await queries.identifiers(organization_id, patient_id)
        )
        service.audit_read(tx, row)
    return FoundPatient(
        found=True,
        patient_id=patient_id,
        name=row["name"],
        birth_date=row["birth_date"],
        gender=row["gender"],
        phone=service.open_column(ctx, row, "phone"),
        identifiers=identifiers,
        payer_license=row["payer_license"],
        policy_number=service.open_column(ctx, row, "policy_number"),
        member_number=service.open_column(ctx, row, "member_number"),
    )


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
    Task(
        FindPatient,
        FoundPatient,
        _find_patient,
        "Find a patient by PAT- number, medical record number or identifier",
        "البحث عن مريض برقم PAT- أو رقم الملف الطبي أو رقم الهوية",
        permission="patient:read",
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
    ),
)
