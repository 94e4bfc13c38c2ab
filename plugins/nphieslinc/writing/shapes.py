"""The small shapes of FHIR that every resource uses."""

from typing import Any

from claimlinc.contract import Coding, Identifier
from masterlinc.money import Money, Quantity
from nphieslinc.fhir import Tree
from nphieslinc.fhir.systems import extension_url, profile


def concept(system: str, code: str, display: str | None = None) -> Tree:
    """Return a CodeableConcept of one code."""
    return {"coding": [coding(Coding(system, code, display))]}


def coding(code: Coding) -> Tree:
    """Return a Coding."""
    return _without_none({"system": code.system or None, "code": code.code, "display": code.display})


def identifier(one: Identifier) -> Tree:
    """Return an Identifier."""
    return _without_none({"system": one.system or None, "value": one.value})


def sar(amount: Money) -> Tree:
    """Return a Money in SAR."""
    return {"value": amount, "currency": "SAR"}


def count(amount: Quantity) -> Tree:
    """Return a Quantity without a unit."""
    return {"value": amount}


def extension(name: str, kind: str, value: Any) -> Tree:
    """Return an extension of NPHIES; `kind` as in valueMoney."""
    return {"url": extension_url(name), kind: value}


def reference(url: str) -> Tree:
    """Return a Reference."""
    return {"reference": url}


def resource(type_: str, id_: str, profile_name: str, **elements: Any) -> Tree:
    """Return a resource with its profile; elements that are None or empty are left out."""
    kept = {name.rstrip("_"): value for name, value in elements.items() if value not in (None, [], (), "", {})}
    return {"resourceType": type_, "id": id_, "meta": {"profile": [profile(profile_name)]}} | kept


def entry(url: str, held: Tree) -> Tree:
    """Return a bundle entry."""
    return {"fullUrl": url, "resource": held}


def bundle(id_: str, timestamp: str, entries: list[Tree]) -> Tree:
    """Return a message bundle."""
    return resource("Bundle", id_, "bundle", type="message", timestamp=timestamp, entry=entries)


def _without_none(tree: Tree) -> Tree:
    return {name: value for name, value in tree.items() if value is not None}
