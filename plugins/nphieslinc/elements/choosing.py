"""By which profile of NPHIES a resource is judged."""

from nphieslinc.fhir import Tree, tables

_OF_TYPE = {
    "Bundle": "bundle",
    "MessageHeader": "message-header",
    "ClaimResponse": "claim-response",
    "CoverageEligibilityRequest": "eligibility-request",
    "CoverageEligibilityResponse": "eligibility-response",
    "Coverage": "coverage",
    "Patient": "patient",
    "Practitioner": "practitioner",
    "PractitionerRole": "practitioner-role",
    "Encounter": "encounter",
    "Location": "location",
    "Task": "task",
    "Communication": "communication",
    "CommunicationRequest": "communication-request",
    "PaymentNotice": "payment-notice",
    "PaymentReconciliation": "payment-reconciliation",
    "VisionPrescription": "vision-prescription",
    "MedicationRequest": "medication-request",
    "OperationOutcome": "operationoutcome",
}


def profile_of(resource: Tree) -> str:
    """Return the profile that a resource says it follows, else the one of its type and use; empty: FHIR alone."""
    type_ = resource.get("resourceType")
    if type_ == "Claim":
        return _of_claim(resource)
    if type_ == "ClaimResponse" and resource.get("use") == "preauthorization":
        return "prior-auth-response"
    if type_ in _OF_TYPE and type_ != "MessageHeader":
        return _OF_TYPE[type_]
    said = next((name for name in _said(resource) if name in tables.profiles()), "")
    return said or _OF_TYPE.get(str(type_), "")


def _of_claim(resource: Tree) -> str:
    kind = resource.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    codes = [one.get("code") for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    of = "priorauth" if resource.get("use") == "preauthorization" else "claim"
    return next((name for name in (f"{code}-{of}" for code in codes) if name in tables.profiles()), "")


def _said(resource: Tree) -> list[str]:
    meta = resource.get("meta")
    named = meta.get("profile") if isinstance(meta, dict) else None
    listed = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    return [one.rpartition("/")[2].partition("|")[0] for one in listed]
