"""Audit rows as FHIR R4 AuditEvents, after the Basic Audit patterns of IHE; conformance to a profile is not proven."""

from datetime import datetime
from typing import Any

from auditlinc.contract import BREAK_GLASS
from auditlinc.schemas import EventView

MEDIA_TYPE = "application/fhir+json"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_OURS = "urn:masterlinc"

# What the last word of an action does, as FHIR's letters and interactions; what is not here was carried out (E).
_VERBS = {
    "read": ("R", "read"),
    "read_message": ("R", "read"),
    "cover_read": ("R", "read"),
    "coverage_read": ("R", "read"),
    "validated": ("R", "read"),
    "list": ("R", "search-type"),
    "search": ("R", "search-type"),
    "viewers": ("R", "search-type"),
    "create": ("C", "create"),
    "created": ("C", "create"),
    "submit": ("C", "create"),
    "send": ("C", "create"),
    "enrolled": ("C", "create"),
    "update": ("U", "update"),
    "status_set": ("U", "update"),
    "disable": ("U", "update"),
    "decide": ("U", "update"),
    "erase": ("D", "delete"),
}
_OUTCOMES = {"ok": "0", "refused": "4", "not-found": "4"}  # anything else: 8, serious
_PURPOSES = {
    "treatment": ("TREAT", "treatment"),
    "payment": ("HPAYMT", "healthcare payment"),
    "operations": ("HOPERAT", "healthcare operations"),
    "research": ("HRESCH", "healthcare research"),
    BREAK_GLASS: ("BTG", "break the glass"),
}


def bundle(events: list[EventView], url: str, following: str | None) -> dict[str, Any]:
    """Return a search's page."""
    links = [{"relation": "self", "url": url}]
    if following is not None:
        links.append({"relation": "next", "url": following})
    entries = [
        {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "search": {"mode": "match"}}
        for resource in map(audit_event, events)
    ]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def audit_event(event: EventView) -> dict[str, Any]:
    """Return one row."""
    letter, interaction = _VERBS.get(event.action.rpartition(".")[2], ("E", None))
    return {
        "resourceType": "AuditEvent",
        "id": event.event_id,
        "type": _type(event),
        "subtype": _subtypes(event, interaction),
        "action": letter,
        "recorded": _instant(event.timestamp),
        "outcome": _OUTCOMES.get(event.outcome, "8"),
        "outcomeDesc": event.outcome,
        "purposeOfEvent": _purposes(event),
        "agent": _agents(event, is_read=letter == "R"),
        "source": {
            "observer": {"display": "MASTERLINC", "identifier": {"system": f"{_OURS}:system", "value": "masterlinc"}},
            "type": [{"system": f"{_TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": _entities(event),
    }


def _type(event: EventView) -> dict[str, str]:
    if event.action.startswith("auth."):
        return {"system": _DICOM, "code": "110114", "display": "User Authentication"}
    return {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "RESTful Operation"}


def _subtypes(event: EventView, interaction: str | None) -> list[dict[str, str]]:
    ours = {"system": f"{_OURS}:audit-action", "code": event.action}
    if event.action == "auth.login":
        return [{"system": _DICOM, "code": "110122", "display": "Login"}, ours]
    if interaction is None:
        return [ours]
    return [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}, ours]


def _purposes(event: EventView) -> list[dict[str, Any]]:
    known = _PURPOSES.get(event.purpose.partition(":")[0])
    if known is None:
        return []
    system = f"{_TERMINOLOGY}/v3-ActReason"
    return [{"coding": [{"system": system, "code": known[0], "display": known[1]}]}]


def _agents(event: EventView, *, is_read: bool) -> list[dict[str, Any]]:
    """Name the caller's side, ours, and who acts; health data flows to who reads, and from who writes."""
    source, destination = _role("110153", "Source Role ID"), _role("110152", "Destination Role ID")
    client: dict[str, Any] = {
        "type": destination if is_read else source,
        "who": {"identifier": {"system": f"{_OURS}:session", "value": event.actor.session_id or "none"}},
        "requestor": False,
    }
    if event.actor.address:
        client["network"] = {"address": event.actor.address, "type": "2"}
    ours = {
        "type": source if is_read else destination,
        "who": {"identifier": {"system": f"{_OURS}:system", "value": "masterlinc"}, "display": "MASTERLINC"},
        "requestor": False,
    }
    kind = "humanuser" if event.actor.kind == "user" else "dataprocessor"
    who: dict[str, Any] = {
        "type": {"coding": [{"system": f"{_TERMINOLOGY}/extra-security-role-type", "code": kind}]},
        "who": {"identifier": {"system": f"{_OURS}:{event.actor.kind}", "value": event.actor.id or "unknown"}},
        "requestor": True,
        "purposeOfUse": _purposes(event),
    }
    return [client, ours, who]


def _role(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": _DICOM, "code": code, "display": display}]}


def _entities(event: EventView) -> list[dict[str, Any]]:
    found = [_entity("XrequestId", f"{_OURS}:trace", event.trace_id)]
    found[0]["type"] = {
        "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
        "code": "XrequestId",
    }
    if event.patient_id is not None:
        patient = _entity("1", f"{_OURS}:patient", event.patient_id)
        patient["role"] = {"system": f"{_TERMINOLOGY}/object-role", "code": "1", "display": "Patient"}
        found.append(patient)
    if event.resource_id:
        record = _entity("2", f"{_OURS}:{event.resource_type}", event.resource_id)
        record["role"] = {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"}
        record["detail"] = [
            {"type": name, "valueString": str(value)} for name, value in sorted(event.detail.items()) if str(value)
        ]
        if not record["detail"]:
            del record["detail"]
        found.append(record)
    return found


def _entity(code: str, system: str, value: str) -> dict[str, Any]:
    return {
        "what": {"identifier": {"system": system, "value": value}},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": code},
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
