"""The Claim resource of a claim of ours."""

import re
from collections.abc import Sequence

from claimlinc.contract import (
    Attachment,
    CareTeamMember,
    ClaimSubmission,
    ClaimType,
    Diagnosis,
    Line,
    RelatedClaim,
    SubLine,
    SupportingInfo,
    Use,
)
from nphieslinc.fhir import Number, Tree
from nphieslinc.fhir.systems import CODES, HL7, INFORMATION, UCUM
from nphieslinc.writing.shapes import coding, concept, count, extension, identifier, reference, resource, sar

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_WITH_MATERNITY = frozenset({ClaimType.INSTITUTIONAL, ClaimType.PROFESSIONAL, ClaimType.PHARMACY})
_NOT_REPORTED = "NR"


def claim(id_: str, submission: ClaimSubmission, lines: Sequence[Line], urls: dict[str, str]) -> Tree:
    """Return the Claim; `urls` names the other resources of the message."""
    kind = "claim" if submission.use is Use.CLAIM else "priorauth"
    return resource(
        "Claim",
        id_,
        f"{submission.claim_type.value}-{kind}",
        extension=_extensions(submission, urls),
        identifier=[identifier(submission.identifier)],
        status="active",
        type=concept(HL7 + "claim-type", submission.claim_type.value),
        subType=concept(CODES + "claim-subtype", submission.sub_type) if submission.sub_type else None,
        use=submission.use.value,
        patient=reference(urls["patient"]),
        created=submission.created.isoformat(),
        insurer=reference(urls["insurer"]),
        provider=reference(urls["provider"]),
        priority=concept(HL7 + "processpriority", submission.priority),
        related=[_related(one) for one in submission.related],
        payee={"type": concept(HL7 + "payeetype", "provider")},
        careTeam=[_care_team(one, urls) for one in submission.care_team],
        supportingInfo=[_information(one, submission.attachments) for one in submission.supporting_info],
        diagnosis=[_diagnosis(one, submission) for one in submission.diagnoses],
        insurance=[_insurance(submission, urls)],
        item=[_item(line, submission) for line in lines],
        total=sar(submission.total),
    )


def _extensions(submission: ClaimSubmission, urls: dict[str, str]) -> list[Tree]:
    found = []
    if "encounter" in urls:
        found.append(extension("encounter", "valueReference", reference(urls["encounter"])))
    if submission.episode:
        episode = {"system": urls["base"] + "/episode", "value": submission.episode}
        found.append(extension("episode", "valueIdentifier", episode))
    return found


def _related(one: RelatedClaim) -> Tree:
    relationship = concept(CODES + "related-claim-relationship", one.relationship)
    return {"claim": {"type": "Claim", "identifier": identifier(one.identifier)}, "relationship": relationship}


def _care_team(one: CareTeamMember, urls: dict[str, str]) -> Tree:
    held: Tree = {"sequence": one.sequence, "provider": reference(urls[f"practitioner-{one.sequence}"])}
    held["role"] = concept(HL7 + "claimcareteamrole", one.role or "primary")
    if one.qualification:
        held["qualification"] = concept(CODES + "practice-codes", one.qualification)
    return held


def _diagnosis(one: Diagnosis, submission: ClaimSubmission) -> Tree:
    asked = submission.claim_type is ClaimType.INSTITUTIONAL and submission.use is Use.CLAIM
    onset = concept(CODES + "condition-onset", _NOT_REPORTED)  # a claim of ours does not hold it
    return {
        **({"extension": [extension("condition-onset", "valueCodeableConcept", onset)]} if asked else {}),
        "sequence": one.sequence,
        "diagnosisCodeableConcept": concept(one.system, one.code),
        "type": [concept(CODES + "diagnosis-type", one.type)],
    }


def _insurance(submission: ClaimSubmission, urls: dict[str, str]) -> Tree:
    held: Tree = {"sequence": 1, "focal": True, "coverage": reference(urls["coverage"])}
    return held | ({"preAuthRef": list(submission.preauth_refs)} if submission.preauth_refs else {})


def _information(one: SupportingInfo, documents: Sequence[Attachment]) -> Tree:
    held: Tree = {"sequence": one.sequence, "category": concept(INFORMATION, one.category)}
    if one.code is not None:
        held["code"] = {"coding": [coding(one.code)]}
    if one.start is not None and one.end is not None:
        held["timingPeriod"] = {"start": one.start.isoformat(), "end": one.end.isoformat()}
    elif one.start is not None:
        held["timingDate"] = one.start.isoformat()
    return held | _value(one, documents)


def _value(one: SupportingInfo, documents: Sequence[Attachment]) -> Tree:
    document = next((held for held in documents if held.title == one.attachment), None)
    if document is not None:
        return {"valueAttachment": _document(document)}
    if one.text is None:
        return {}
    if one.unit is not None and _NUMBER.fullmatch(one.text):
        return {"valueQuantity": {"value": Number(one.text), "system": UCUM, "code": one.unit}}
    if one.category == "chief-complaint":
        return {"code": ({"coding": [coding(one.code)]} if one.code else {}) | {"text": one.text}}
    return {"valueString": one.text}


def _document(document: Attachment) -> Tree:
    return {"contentType": document.content_type, "title": document.title, "data": document.data}


def _item(line: Line, submission: ClaimSubmission) -> Tree:
    held: Tree = {
        "extension": _line_extensions(line, submission),
        "sequence": line.sequence,
        "careTeamSequence": list(line.care_team_sequences),
        "diagnosisSequence": list(line.diagnosis_sequences),
        "informationSequence": list(line.information_sequences),
        "productOrService": {"coding": [coding(code) for code in line.codes]},
        **_serviced(line),
        "quantity": count(line.quantity),
        "unitPrice": sar(line.unit_price),
        "factor": line.factor if line.factor != 1 else None,
        "net": sar(line.net),
        "bodySite": concept(CODES + "fdi-oral-region", line.body_site) if line.body_site else None,
        "subSite": [concept(CODES + "fdi-tooth-surface", surface) for surface in line.surfaces],
        "detail": [_detail(detail) for detail in line.details],
    }
    return {name: value for name, value in held.items() if value not in (None, [])}


def _serviced(line: Line) -> Tree:
    if line.service_date is None:
        return {}
    if line.service_end is None:
        return {"servicedDate": line.service_date.isoformat()}
    return {"servicedPeriod": {"start": line.service_date.isoformat(), "end": line.service_end.isoformat()}}


def _line_extensions(line: Line, submission: ClaimSubmission) -> list[Tree]:
    found = [extension("package", "valueBoolean", line.package), extension("tax", "valueMoney", sar(line.tax))]
    if submission.claim_type in _WITH_MATERNITY:
        found.append(extension("maternity", "valueBoolean", line.maternity))
    if line.patient_share is not None:
        found.append(extension("patient-share", "valueMoney", sar(line.patient_share)))
    if line.invoice:
        system = f"{submission.identifier.system.rsplit('/', 1)[0]}/patientInvoice"
        found.append(extension("patientInvoice", "valueIdentifier", {"system": system, "value": line.invoice}))
    return found


def _detail(detail: SubLine) -> Tree:
    return {
        "extension": [extension("tax", "valueMoney", sar(detail.tax))],
        "sequence": detail.sequence,
        "productOrService": {"coding": [coding(code) for code in detail.codes]},
        "quantity": count(detail.quantity),
        "unitPrice": sar(detail.unit_price),
        "net": sar(detail.net),
    }
