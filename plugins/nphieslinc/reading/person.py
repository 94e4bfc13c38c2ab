"""The people of a claim."""

from claimlinc.contract import CareTeamMember, Subject
from nphieslinc.fhir import Message, Node
from nphieslinc.reading.coding import first_code, identifiers, license_of


def read_subject(patient: Node) -> Subject:
    """Read a Patient."""
    return Subject(
        name=patient.needed("name", name_of(patient)) or "",
        birth_date=patient.day("birthDate"),
        gender=patient.text("gender"),
        identifiers=identifiers(patient),
        phone=_phone(patient),
    )


def name_of(person: Node) -> str | None:
    """Return a person's name: its text, else given and family names."""
    for name in person.children("name"):
        whole = name.text("text") or " ".join([*name.texts("given"), name.text("family") or ""]).strip()
        if whole:
            return whole
    return None


def _phone(patient: Node) -> str | None:
    for contact in patient.children("telecom"):
        if contact.text("system") in {"phone", "sms"} and (value := contact.text("value")):
            return value
    return None


def read_care_team(message: Message, claim: Node) -> tuple[CareTeamMember, ...]:
    """Read the practitioners of a claim; a PractitionerRole leads to its practitioner."""
    return tuple(_member(message, claim, node) for node in claim.children("careTeam"))


def _member(message: Message, claim: Node, node: Node) -> CareTeamMember:
    person = message.resolve(node.child("provider"), claim)
    if person is not None and person.element == "PractitionerRole":
        person = message.resolve(person.child("practitioner")) or person
    return CareTeamMember(
        sequence=node.needed("sequence", node.count("sequence")) or 0,
        name=name_of(person) if person is not None and person.element == "Practitioner" else None,
        license=license_of(person, "practitioner-license"),
        role=first_code(node.child("role")),
        qualification=first_code(node.child("qualification")),
    )
