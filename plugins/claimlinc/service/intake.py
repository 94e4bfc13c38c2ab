"""A keyed claim becomes a submission of the caller's organization, or a list of all that is wrong with it."""

from uuid import UUID

from msgspec.structs import replace

from authlinc.contract import OrganizationInfo
from claimlinc.contract import (
    CareTeamMember,
    ClaimSubmission,
    Cover,
    Identifier,
    RecordedClaim,
    RelatedClaim,
    Subject,
)
from claimlinc.errors import ClaimInvalid
from claimlinc.schemas import ClaimForm, PatientForm, RelatedForm, ValidateClaim, ValidatedClaim
from claimlinc.service import forms, references
from claimlinc.service.checking import FIRST_DAY, LAST_DAY, check_submission
from claimlinc.service.forms import MRN, Faults
from claimlinc.service.recording import Entry, digest, record
from claimlinc.service.references import NOBODY, Provider
from claimlinc.service.snapshot import Snapshot
from doctorlinc.contract import FoundPatient
from masterlinc import ids
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.money import money


async def submit(ctx: Context, form: ClaimForm) -> RecordedClaim:
    """Record a keyed claim; raises ClaimInvalid with every fault."""
    return await record(ctx, await prepare(ctx, form))


async def validate(ctx: Context, request: ValidateClaim) -> ValidatedClaim:
    """Check a keyed claim without recording it."""
    try:
        entry = await prepare(ctx, request.claim)
        check_submission(entry.snapshot.submission, ctx.config.max_lines)
    except ClaimInvalid as refused:
        return ValidatedClaim(valid=False, errors=refused.errors)
    return ValidatedClaim(valid=True)


async def prepare(ctx: Context, form: ClaimForm) -> Entry:
    """Build what is to be recorded of a keyed claim; raises ClaimInvalid with every fault."""
    faults = Faults()
    payer_reference = faults.code("payer_id", form.payer_id or None, most=128)
    provider = await references.find_provider(ctx, faults.code("provider_id", form.provider_id or None, most=128))
    if provider is None:
        faults.add(
            "provider_id",
            "foreign-provider",
            "You do not submit claims for this provider",
            "لا يمكنك تقديم مطالبات عن مقدم الخدمة هذا",
        )
        provider = Provider(NOBODY)
    patient = await _patient(ctx, form, faults)
    payer = await references.find_payer(ctx, payer_reference or patient.payer_license)
    if payer_reference and not payer.found:
        faults.add(
            "payer_id",
            "unknown-payer",
            "No payer has this number or licence",
            "لا توجد جهة دافعة بهذا الرقم أو الترخيص",
        )
    submission = _submission(ctx, form, faults, provider, patient)
    if faults:
        raise ClaimInvalid(errors=faults)
    organization = provider.organization.organization_id or ctx.principal.organization_id
    content = digest(ctx, organization, form)
    identified = _identified(number_system(organization), submission, payer, content)
    return Entry(
        organization_id=organization,
        snapshot=Snapshot(identified, form.patient_id, form.provider_id),
        content=content,
        payer_organization_id=payer.organization_id,
    )


async def _patient(ctx: Context, form: ClaimForm, faults: Faults) -> FoundPatient:
    reference = faults.code("patient_id", form.patient_id, most=128)
    if reference is None:
        if form.patient is None and form.patient_id is None:
            faults.required("patient_id")
        return FoundPatient(found=False)
    found = await references.find_patient(ctx, reference)
    if not found.found and ids.looks_like("PAT", reference) and ctx.enabled("doctorlinc"):
        faults.add("patient_id", "unknown-patient", "There is no such patient here", "لا يوجد مريض بهذا الرقم")
    return found


def _submission(
    ctx: Context, form: ClaimForm, faults: Faults, provider: Provider, patient: FoundPatient
) -> ClaimSubmission:
    lines, diagnoses = forms.lines(form, faults), forms.diagnoses(form, faults)
    team = _with_practitioner(forms.care_team(form, faults), provider)
    information = forms.supporting_info(form, faults)
    forms.check_references(
        lines,
        {"diagnosis_sequences": diagnoses, "care_team_sequences": team, "information_sequences": information},
        faults,
    )
    kind = forms.claim_type(form, faults)
    try:
        total = money(sum(line.net for line in lines))
    except ValueError:
        faults.add("lines", "range", "The lines sum to more than any claim may", "مجموع البنود يتجاوز الحد المسموح")
        total = money(0)
    organization = provider.organization
    return ClaimSubmission(
        claim_type=kind,
        use=form.use,
        identifier=Identifier("", faults.code("claim_number", form.claim_number or None, most=128) or ""),
        created=today(ctx.clock),
        provider_license=organization.licenses[0] if organization.licenses else None,
        payer_license=form.payer_id or patient.payer_license,
        subject=_subject(form.patient, form.patient_id, patient, faults),
        cover=_cover(form, patient, faults),
        lines=lines,
        total=total,
        sub_type=faults.code("sub_type", form.sub_type) or _default_sub_type(kind.value),
        priority=faults.code("priority", form.priority) or "normal",
        provider_name=organization.name or None,
        patient_id=patient.patient_id,
        diagnoses=diagnoses,
        care_team=team,
        supporting_info=information,
        attachments=forms.attachments(form, faults),
        related=tuple(
            _related(organization.organization_id or ctx.principal.organization_id, one, place, faults)
            for place, one in enumerate(form.related)
        ),
        preauth_refs=tuple(
            code for place, one in enumerate(form.preauth_refs) if (code := faults.code(f"preauth_refs[{place}]", one))
        ),
        episode=faults.code("episode", form.episode),
        encounter_class=faults.code("encounter_class", form.encounter_class),
        notes=faults.text("notes", form.notes or None, most=4000, lines=True),
    )


def _identified(system: str, submission: ClaimSubmission, payer: OrganizationInfo, content: bytes) -> ClaimSubmission:
    """Give the claim its number: the provider's own, or one made of its content and the day: a double is found."""
    value = submission.identifier.value or f"{submission.created:%Y%m%d}-{content.hex()}"
    payer_license = submission.payer_license
    if payer.found and payer.licenses:
        payer_license = payer.licenses[0]
    return replace(
        submission,
        identifier=Identifier(system, value),
        payer_license=payer_license,
        payer_name=payer.name if payer.found else None,
    )


def number_system(organization: UUID) -> str:
    """Return the system of the claim numbers that an organization gives."""
    return f"urn:masterlinc:claim:{ids.show('ORG', organization)}"


def _default_sub_type(kind: str) -> str:
    return "ip" if kind == "institutional" else "op"


def _with_practitioner(team: tuple[CareTeamMember, ...], provider: Provider) -> tuple[CareTeamMember, ...]:
    found = provider.practitioner
    if found is None or any(one.license == found.license for one in team):
        return team
    sequence = max((one.sequence for one in team), default=0) + 1
    member = CareTeamMember(sequence, found.name, found.license, "primary", found.qualification)
    return (*team, member)


def _subject(keyed: PatientForm | None, reference: str | None, found: FoundPatient, faults: Faults) -> Subject:
    if keyed is not None:
        if keyed.birth_date is not None and not FIRST_DAY <= keyed.birth_date <= LAST_DAY:
            faults.add("patient.birth_date", "range", "A Gregorian date of birth is expected", "تاريخ الميلاد غير صحيح")
        return Subject(
            name=faults.text("patient.name", keyed.name) or "",
            birth_date=keyed.birth_date,
            gender=keyed.gender,
            identifiers=forms.identifiers(keyed, faults),
            phone=faults.code("patient.phone", keyed.phone),
        )
    if found.found:
        return Subject(
            name=found.name or "",
            birth_date=found.birth_date,
            gender=found.gender,
            identifiers=tuple(Identifier(one.system, one.value, one.valid) for one in found.identifiers),
            phone=found.phone,
        )
    return Subject(name="", identifiers=(Identifier(MRN, reference),) if reference else ())


def _cover(form: ClaimForm, patient: FoundPatient, faults: Faults) -> Cover:
    return Cover(
        member_id=faults.code("member_number", form.member_number) or patient.member_number,
        policy_number=faults.code("policy_number", form.policy_number) or patient.policy_number,
        policy_class=faults.code("policy_class", form.policy_class),
        relationship=faults.code("relationship", form.relationship),
    )


def _related(organization: UUID, one: RelatedForm, place: int, faults: Faults) -> RelatedClaim:
    number = faults.code(f"related[{place}].claim_number", one.claim_number, most=128) or ""
    system = faults.text(f"related[{place}].system", one.system or None) or number_system(organization)
    relationship = faults.code(f"related[{place}].relationship", one.relationship) or ""
    return RelatedClaim(Identifier(system, number), relationship)
