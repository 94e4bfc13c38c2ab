"""Supporting information and documents of a claim."""

from claimlinc.contract import Attachment, Diagnosis, SupportingInfo
from nphieslinc.fhir import Message, Node
from nphieslinc.fhir.systems import ICD10AM
from nphieslinc.reading.coding import codes, first_code

Information = tuple[tuple[SupportingInfo, ...], tuple[Attachment, ...]]


def read_information(claim: Node) -> Information:
    """Read Claim.supportingInfo, and the documents that it carries."""
    documents: list[Attachment] = []
    return tuple(_one(node, documents) for node in claim.children("supportingInfo")), tuple(documents)


def _one(node: Node, documents: list[Attachment]) -> SupportingInfo:
    concept = node.child("code")
    listed = codes(concept)
    text, unit = _value(node)
    period = node.child("timingPeriod")
    return SupportingInfo(
        sequence=node.needed("sequence", node.count("sequence")) or 0,
        category=node.needed("category", first_code(node.child("category"))) or "",
        code=listed[0] if listed else None,
        text=text or (concept.text("text") if concept else None),
        unit=unit,
        start=node.day("timingDate") or (period.day("start") if period else None),
        end=period.day("end") if period else None,
        attachment=_document(node, documents),
    )


def _value(node: Node) -> tuple[str | None, str | None]:
    """Return whatever value stands here as text, and its unit."""
    amount = node.child("valueQuantity")
    if amount is not None:
        value = amount.value.get("value")
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
        return text, amount.text("code") or amount.text("unit")
    if "valueBoolean" in node.value:
        flag = node.flag("valueBoolean")
        return None if flag is None else str(flag).lower(), None
    reference = node.child("valueReference")
    if reference is not None:
        number = reference.child("identifier")
        return reference.text("reference") or (number.text("value") if number else None), None
    return node.text("valueString"), None


def _document(node: Node, documents: list[Attachment]) -> str | None:
    held = node.child("valueAttachment")
    if held is None:
        return None
    title = held.text("title") or f"document-{len(documents) + 1}"
    data = held.text("data") or held.text("url") or ""
    documents.append(Attachment(title, held.text("contentType") or "application/octet-stream", data))
    return title


def read_diagnoses(message: Message, claim: Node) -> tuple[Diagnosis, ...]:
    """Read Claim.diagnosis."""
    return tuple(one for node in claim.children("diagnosis") if (one := _diagnosis(message, claim, node)))


def _diagnosis(message: Message, claim: Node, node: Node) -> Diagnosis | None:
    concept = node.child("diagnosisCodeableConcept")
    if concept is None:
        condition = message.resolve(node.child("diagnosisReference"), claim)
        concept = condition.child("code") if condition else None
    listed = codes(concept)
    node.needed("diagnosisCodeableConcept", listed or None)
    sequence = node.needed("sequence", node.count("sequence"))
    if not listed or sequence is None:
        return None
    coded = next((code for code in listed if code.system == ICD10AM), listed[0])
    types = [first_code(kind) for kind in node.children("type")]
    kind = "principal" if "principal" in types else next((one for one in types if one), "secondary")
    return Diagnosis(sequence, coded.code, kind, coded.system or ICD10AM)
