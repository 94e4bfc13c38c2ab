"""Every element of a message against its shape: what is missing, too often there, of a wrong type, or unknown."""

from typing import Any

from nphieslinc.elements.bindings import is_coded
from nphieslinc.elements.choosing import profile_of
from nphieslinc.elements.shapes import ANY_RESOURCE, Named, Shape, Slot, shape_of
from nphieslinc.elements.words import empty, few, foreign, many, mistyped, uncoded, unknown, unreferenced
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Tree
from nphieslinc.fhir.systems import extension_key

_NOTHING: tuple[Any, ...] = (None, "", [], {})
_OF_REFERENCES = ("reference", "identifier", "extension")


def check_elements(tree: Tree) -> list[BrokenRule]:
    """Return every element rule that a message breaks, with its place."""
    return check_resource(tree, "Bundle")


def check_resource(tree: Tree, path: str) -> list[BrokenRule]:
    """Return every element rule that a resource breaks, at a place in its message."""
    found: list[BrokenRule] = []
    _resource(tree, path, found)
    return found


def _resource(value: Tree, path: str, found: list[BrokenRule]) -> None:
    type_ = value.get("resourceType")
    if not isinstance(type_, str) or not shape_of(type_, type_, "").slots:
        found.append(foreign(f"{path}.resourceType", type_))
    else:
        _object(value, shape_of(type_, type_, profile_of(value)), path, found)


def _object(value: Tree, shape: Shape, path: str, found: list[BrokenRule]) -> None:
    slots = shape.slots
    for name, inner in value.items():
        slot = slots.get(name)
        if slot is not None:
            _value(inner, slot, f"{path}.{name}", found)
        elif name[:1] != "_" and name != "resourceType":
            found.append(_unknown(name, shape, path))
    found += (
        few(wanted.rule, f"{path}.{wanted.names[0]}", wanted.path)
        for wanted in shape.wanted
        if all(value.get(name) in _NOTHING for name in wanted.names)
    )
    for named in shape.extensions:
        _extension(value, named, path, found)
    for choice in shape.choices:
        if sum(name in value for name in choice.names) > 1:
            found.append(many(choice.rules.count, f"{path}.{choice.base}[x]", 1))


def _unknown(name: str, shape: Shape, path: str) -> BrokenRule:
    """Say that an element is not there in FHIR, or that it may not be of that type."""
    for choice in shape.choices:
        if name.startswith(choice.base) and name[len(choice.base) :][:1].isupper():
            return mistyped(choice.rules.type, f"{path}.{name}", " | ".join(choice.names))
    return unknown(f"{path}.{name}")


def _value(value: object, slot: Slot, path: str, found: list[BrokenRule]) -> None:
    if value in _NOTHING and value != "":
        found.append(empty(path))
    elif not isinstance(value, list):
        if slot.is_list:
            found.append(mistyped(slot.rules.type, path, f"{slot.type}[]"))
        else:
            _one(value, slot, path, found)
    else:
        if not slot.is_list or (slot.most is not None and len(value) > slot.most):
            found.append(many(slot.rules.count, path, slot.most or 1))
        for place, inner in enumerate(value):
            if inner is not None:  # beside an extension of its own, a primitive in a list may be null
                _one(inner, slot, f"{path}[{place}]", found)


def _one(value: object, slot: Slot, path: str, found: list[BrokenRule]) -> None:
    if slot.check is not None:
        if not slot.check(value):
            found.append(mistyped(slot.rules.type, path, slot.type))
        elif slot.codes and not is_coded(value, slot.codes):
            found.append(uncoded(slot.rules.code, path))
    elif not isinstance(value, dict):
        found.append(mistyped(slot.rules.type, path, slot.type))
    elif slot.type == ANY_RESOURCE:
        _resource(value, path, found)
    else:
        if slot.codes and not is_coded(value, slot.codes):
            found.append(uncoded(slot.rules.code, path))
        if slot.type == "Reference" and not any(name in value for name in _OF_REFERENCES):
            found.append(unreferenced(slot.rules.reference, path))
        _object(value, shape_of(slot.type, slot.path, slot.profile), path, found)


def _extension(value: Tree, named: Named, path: str, found: list[BrokenRule]) -> None:
    holder = value
    if named.on:
        if named.on not in value:
            return
        held = value.get(f"_{named.on}")
        holder, path = held if isinstance(held, dict) else {}, f"{path}._{named.on}"
    listed = holder.get("extension")
    count = 0
    for place, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict) and isinstance(url := one.get("url"), str) and extension_key(url) == named.key:
            count += 1
            _content(one, named, f"{path}.extension[{place}]", found)
    if count < named.least:
        found.append(few(named.rules.count, f"{path}.extension", named.path))
    elif named.most is not None and count > named.most:
        found.append(many(named.rules.count, f"{path}.extension", named.most))


def _content(one: Tree, named: Named, path: str, found: list[BrokenRule]) -> None:
    """Ask an extension for the value that its profile says; one with extensions of its own has none."""
    if not named.value or "extension" in one:
        return
    if named.value not in one:
        found.append(mistyped(named.rules.type, path, named.value.removeprefix("value")))
    elif named.codes and not is_coded(one[named.value], named.codes):
        found.append(uncoded(named.rules.code, f"{path}.{named.value}"))
