"""Codes and identifiers."""

from claimlinc.contract import Coding, Identifier
from masterlinc.identity import IQAMA, NATIONAL_ID, identifier_is_valid
from nphieslinc.fhir import Node
from nphieslinc.fhir.systems import CODES, HL7

_WITH_RULES = frozenset({NATIONAL_ID, IQAMA})


def codes(concept: Node | None) -> tuple[Coding, ...]:
    """Return the codings of a CodeableConcept, those of NPHIES and HL7 before local ones."""
    if concept is None:
        return ()
    found = [coding(node) for node in concept.children("coding")]
    return tuple(sorted((one for one in found if one), key=lambda one: not one.system.startswith((CODES, HL7))))


def coding(node: Node) -> Coding | None:
    """Return a Coding that has a code."""
    code = node.needed("code", node.text("code"))
    return Coding(node.text("system") or "", code, node.text("display")) if code else None


def first_code(concept: Node | None) -> str | None:
    """Return the first code of a CodeableConcept."""
    found = codes(concept)
    return found[0].code if found else None


def identifier(node: Node | None) -> Identifier | None:
    """Return an identifier as it was sent; a national id or iqama against its own rules is marked."""
    if node is None:
        return None
    value = node.needed("value", node.text("value"))
    if value is None:
        return None
    system = node.text("system") or ""
    return Identifier(system, value, system not in _WITH_RULES or identifier_is_valid(system, value))


def identifiers(owner: Node) -> tuple[Identifier, ...]:
    """Return all identifiers of a resource."""
    found = [identifier(node) for node in owner.children("identifier")]
    return tuple(one for one in found if one)


def license_of(owner: Node | None, ending: str) -> str | None:
    """Return the licence of an organization or practitioner whose system ends so."""
    if owner is None:
        return None
    listed = identifiers(owner)
    named = [one.value for one in listed if one.system.rstrip("/").endswith(ending)]
    return named[0] if named else None
