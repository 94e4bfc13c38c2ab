"""Every element of a message against its shape: what is missing, too often there, of a wrong type, or unknown."""

from collections.abc import Iterator
from typing import Any

from nphieslinc.elements.choosing import profile_of
from nphieslinc.elements.shapes import ANY_RESOURCE, Shape, Slot, Wanted, shape_of
from nphieslinc.elements.words import empty, few, foreign, many, mistyped, unknown, unreferenced
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Tree
from nphieslinc.fhir.systems import extension_key

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def check_elements(tree: Tree) -> list[BrokenRule]:
    """Return every element rule that a message breaks, with its place."""
    found: list[BrokenRule] = []
    _resource(tree, "Bundle", found)
    return found


def _resource(value: Tree, path: str, found: list[BrokenRule]) -> None:
    type_ = value.get("resourceType")
    if not isinstance(type_, str) or not shape_of(type_, type_, "").slots:
        found.append(foreign(f"{path}.resourceType", type_))
        return
    _object(value, shape_of(type_, type_, profile_of(value)), path, found)


def _object(value: Tree, shape: Shape, path: str, found: list[BrokenRule]) -> None:
    slots = shape.slots
    for name, inner in value.items():
        slot = slots.get(name)
        if slot is not None:
            _value(inner, slot, f"{path}.{name}", found)
        elif name[:1] != "_" and name != "resourceType":
            found.append(unknown(f"{path}.{name}"))
    for wanted in shape.wanted:
        if wanted.extension:
            _extension(value, wanted, path, found)
        elif all(value.get(name) in _NOTHING for name in wanted.names):
            found.append(few(wanted.rule, f"{path}.{wanted.names[0]}", wanted.path))


def _value(value: object, slot: Slot, path: str, found: list[BrokenRule]) -> None:
    if value in _NOTHING and value != "":
        found.append(empty(path))
    elif not slot.is_list:
        _one(value, slot, path, found)
    elif not isinstance(value, list):
        found.append(mistyped(slot.type_rule, path, f"{slot.type}[]"))
    else:
        if slot.most is not None and len(value) > slot.most:
            found.append(many(slot.count_rule, path, slot.most))
        for place, inner in enumerate(value):
            if inner is not None:  # beside an extension of its own, a primitive in a list may be null
                _one(inner, slot, f"{path}[{place}]", found)


def _one(value: object, slot: Slot, path: str, found: list[BrokenRule]) -> None:
    if slot.check is not None:
        if not slot.check(value):
            found.append(mistyped(slot.type_rule, path, slot.type))
    elif not isinstance(value, dict):
        found.append(mistyped(slot.type_rule, path, slot.type))
    elif slot.type == ANY_RESOURCE:
        _resource(value, path, found)
    else:
        if slot.type == "Reference" and not ("reference" in value or "identifier" in value or "extension" in value):
            found.append(unreferenced(slot.reference_rule, path))
        _object(value, shape_of(slot.type, slot.path, slot.profile), path, found)


def _extension(value: Tree, wanted: Wanted, path: str, found: list[BrokenRule]) -> None:
    holder = value.get(f"_{wanted.on}") if wanted.on else value
    if wanted.on and wanted.on not in value:
        return
    count = sum(key == wanted.extension for key in _keys(holder))
    place = f"{path}._{wanted.on}.extension" if wanted.on else f"{path}.extension"
    if count < wanted.least:
        found.append(few(wanted.rule, place, wanted.path))
    elif wanted.most is not None and count > wanted.most:
        found.append(many(wanted.rule, place, wanted.most))


def _keys(holder: object) -> Iterator[str]:
    listed = holder.get("extension") if isinstance(holder, dict) else None
    for one in listed if isinstance(listed, list) else ():
        url = one.get("url") if isinstance(one, dict) else None
        if isinstance(url, str):
            yield extension_key(url)
