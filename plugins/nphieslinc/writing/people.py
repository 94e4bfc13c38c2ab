"""Patients, practitioners, organizations and coverage of a request."""

from claimlinc.contract import CareTeamMember, Cover, Identifier, Subject
from masterlinc.identity import BORDER_NUMBER, IQAMA, NATIONAL_ID, PASSPORT, PRACTITIONER_LICENSE
from nphieslinc.fhir import Tree
from nphieslinc.fhir.systems import CODES, HL7, extension_url
from nphieslinc.writing.shapes import concept, identifier, reference, resource

_TYPE_OF_NUMBER = {NATIONAL_ID: "NI", IQAMA: "PRC", PASSPORT: "PPN", BORDER_NUMBER: "BN"}


def patient(id_: str, subject: Subject) -> Tree:
    """Return the Patient of a person."""
    *given, family = subject.name.split() or [""]
    return resource(
        "Patient",
        id_,
        "patient",
        identifier=[_number(one) for one in subject.identifiers],
        active=True,
        name=[{"use": "official", "text": subject.name, "family": family} | ({"given": given} if given else {})],
        telecom=[{"system": "phone", "value": subject.phone}] if subject.phone else None,
        gender=subject.gender,
        _gender_=_ksa_gender(subject.gender) if subject.gender else None,
        birthDate=subject.birth_date.isoformat() if subject.birth_date else None,
    )


def _number(one: Identifier) -> Tree:
    type_ = _TYPE_OF_NUMBER.get(one.system)
    return ({"type": concept(HL7 + "v2-0203", type_)} if type_ else {}) | identifier(one)


def _ksa_gender(gender: str) -> Tree:
    held = concept(CODES + "ksa-administrative-gender", gender)
    return {"extension": [{"url": extension_url("ksa-administrative-gender"), "valueCodeableConcept": held}]}


def practitioner(id_: str, member: CareTeamMember) -> Tree:
    """Return the Practitioner of a care team member."""
    return resource(
        "Practitioner",
        id_,
        "practitioner",
        identifier=[_license(member.license)] if member.license else None,
        active=True,
        name=[{"use": "official", "text": member.name}] if member.name else None,
    )


def _license(number: str) -> Tree:
    return {"type": concept(HL7 + "v2-0203", "MD"), "system": PRACTITIONER_LICENSE, "value": number}


def organization(id_: str, kind: str, system: str, license_: str, name: str) -> Tree:
    """Return the Organization of a provider (`prov`) or insurer (`ins`)."""
    return resource(
        "Organization",
        id_,
        "provider-organization" if kind == "prov" else "insurer-organization",
        identifier=[{"system": system, "value": license_}],
        active=True,
        type=[concept(CODES + "organization-type", kind)],
        name=name,
    )


def coverage(id_: str, cover: Cover, urls: dict[str, str]) -> Tree:
    """Return the Coverage; `urls` names beneficiary, subscriber and payor."""
    classes = [("group", cover.policy_number), ("plan", cover.policy_class)]
    return resource(
        "Coverage",
        id_,
        "coverage",
        identifier=[_member(cover)] if cover.member_id else None,
        status="active",
        type=concept(CODES + "coverage-type", "EHCPOL", "extended healthcare"),
        subscriber=reference(urls["subscriber"]),
        beneficiary=reference(urls["beneficiary"]),
        relationship=concept(HL7 + "subscriber-relationship", cover.relationship or "self"),
        payor=[reference(urls["payor"])],
        class_=[{"type": concept(HL7 + "coverage-class", kind), "value": value} for kind, value in classes if value],
        network=cover.network,
    )


def _member(cover: Cover) -> Tree:
    return identifier(Identifier(cover.member_id_system or "", cover.member_id or ""))
