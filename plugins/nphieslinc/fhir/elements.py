"""Which rule of NPHIES speaks of which element: ids are facts, words are ours."""

# Rule ids of "NPHIES validation error codes" OBA 2.8 (August 2024).
_ABSENT = {
    "Bundle.resourceType": "IC-01318",
    "Bundle.id": "IC-00326",
    "Bundle.type": "IC-00011",
    "Bundle.timestamp": "IC-00010",
    "Bundle.entry.resource": "IC-01435",
    "MessageHeader.id": "IC-00380",
    "MessageHeader.eventCoding": "IC-00377",
    "MessageHeader.eventCoding.code": "IC-00377",
    "MessageHeader.destination": "IC-00375",
    "MessageHeader.destination.receiver": "IC-00218",
    "MessageHeader.sender": "IC-00226",
    "MessageHeader.focus": "IC-00379",
    "MessageHeader.response": "IC-00394",
    "MessageHeader.response.identifier": "IC-00225",
    "Claim.id": "IC-00024",
    "Claim.identifier": "IC-00025",
    "Claim.type": "IC-00063",
    "Claim.use": "IC-00064",
    "Claim.created": "IC-00018",
    "Claim.patient": "IC-00050",
    "Claim.provider": "IC-00056",
    "Claim.insurer": "IC-00030",
    "Claim.insurance": "IC-00026",
    "Claim.insurance.coverage": "IC-00027",
    "Claim.item": "IC-00031",
    "Claim.item.sequence": "IC-00046",
    "Claim.item.productOrService": "IC-00044",
    "Claim.item.quantity": "IC-00045",
    "Claim.item.unitPrice": "IC-00047",
    "Claim.item.net": "IC-00043",
    "Claim.total": "IC-00062",
    "Claim.diagnosis.sequence": "IC-00022",
    "Claim.diagnosis.diagnosisCodeableConcept": "IC-01320",
    "Claim.careTeam.sequence": "IC-00017",
    "Claim.supportingInfo.sequence": "IC-00061",
    "Claim.supportingInfo.category": "IC-00060",
    "Patient.name": "IC-00247",
    "Coverage.identifier": "IC-00137",
}
_MISTYPED = {
    "Bundle.id": "DT-00032",
    "Bundle.entry": "DT-00001",
    "Bundle.entry.fullUrl": "DT-00003",
    "Bundle.entry.resource": "DT-00016",
    "Claim.created": "DT-00074",
    "Claim.identifier": "DT-00099",
    "Claim.item.net": "DT-00161",
    "Claim.item.quantity": "DT-00165",
    "Claim.item.unitPrice": "DT-00173",
    "Claim.patient": "DT-00186",
    "Claim.provider": "DT-00204",
    "Claim.total": "DT-00228",
    "Claim.type": "DT-00229",
    "Claim.use": "DT-00230",
}
_UNRESOLVED = {
    "Claim.patient": "RE-00015",
    "Claim.provider": "RE-00020",
    "Claim.insurer": "RE-00008",
    "MessageHeader.focus": "RE-00100",
}


def absent(element: str) -> str:
    """Return the cardinality rule of an element."""
    return _ABSENT.get(element, "IC-01428")


def mistyped(element: str) -> str:
    """Return the data type rule of an element."""
    parent = element.rpartition(".")[0]
    return _MISTYPED.get(element) or _MISTYPED.get(parent) or "GE-00035"


def unresolved(element: str) -> str:
    """Return the reference rule of an element."""
    return _UNRESOLVED.get(element, "RE-00170")
