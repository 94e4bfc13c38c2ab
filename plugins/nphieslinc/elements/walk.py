"""Every element of a message against its shape: what is missing, too often there, of a wrong type, or unknown."""

from collections import defaultdict
from collections.abc import Sequence

from nphieslinc.elements.bindings import is_coded
from nphieslinc.elements.choosing import profile_of
from nphieslinc.elements.shapes import ANY_RESOURCE, Named, Shape, Slot, shape_of
from nphieslinc.elements.words import LONGEST_NAME, empty, few, foreign, many, mistyped, uncoded, unknown, unreferenced
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Tree, tables
from nphieslinc.fhir.systems import extension_key

MOST = 1000  # a message with more faults has the first ones named
_OF_REFERENCES = ("reference", "identifier", "extension")


def check_resource(tree: Tree, path: str) -> list[BrokenRule]:
    """Return the element rules that a resource breaks, at a place in its message; the first thousand of them."""
    found: list[BrokenRule] = []
    _resource(tree, path, found)
    return found[:MOST]


def _resource(value: Tree, path: str, found: list[BrokenRule]) -> None:
    type_ = value.get("resourceType")
    if not isinstance(type_, str) or not tables.is_resource(type_):
        found.append(foreign(f"{path}.resourceType", type_))
    else:
        _object(value, shape_of(type_, type_, profile_of(value)), path, found)


def _object(value: Tree, shape: Shape, path: str, found: list[BrokenRule]) -> None:
    if len(found) >= MOST:
        return
    slots = shape.slots
    for name, inner in value.items():
        slot = slots.get(name)
        if slot is not None:
            if slot.check is None or slot.codes or slot.is_list or not slot.check(inner):
                _value(inner, slot, f"{path}.{name}", found)
        elif name[:1] != "_" and name != "resourceType":
            found.append(_unknown(name, shape, path))
    found += (
        few(wanted.rule, f"{path}.{wanted.names[0]}", wanted.path)
        for wanted in shape.wanted
        if value.keys().isdisjoint(wanted.names)
    )
    if shape.extensions:
        _extensions(value, shape.extensions, path, found)
    if shape.choices:
        found += (
            many(choice.rules.count, f"{path}.{choice.base}[x]", 1)
            for choice in shape.choices
            if sum(name in choice.names for name in value) > 1
        )


def _unknown(name: str, shape: Shape, path: str) -> BrokenRule:
    """Say that an element is not there in FHIR, or that it may not be of that type."""
    for choice in shape.choices:
        if name.startswith(choice.base) and name[len(choice.base) :][:1].isupper():
            return mistyped(choice.rules.type, f"{path}.{name[:LONGEST_NAME]}", " | ".join(sorted(choice.names)))
    return unknown(f"{path}.{name[:LONGEST_NAME]}")


def _value(value: object, slot: Slot, path: str, found: list[BrokenRule]) -> None:
    if not value and (value is None or value in ([], {})):
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
        if slot.type == "Reference" and value.keys().isdisjoint(_OF_REFERENCES):
            found.append(unreferenced(slot.rules.reference, path))
        _object(value, shape_of(slot.type, slot.path, slot.profile), path, found)


def _extensions(value: Tree, known: tuple[Named, ...], path: str, found: list[BrokenRule]) -> None:
    """Count the extensions that a profile knows, those of the object and those of its primitives."""
    own = _by_key(value, path)
    for named in known:
        if not named.on:
            _counted(own.get(named.key, ()), named, path, found)
        elif named.on in value:
            held, place = value.get(f"_{named.on}"), f"{path}._{named.on}"
            listed = _by_key(held, place) if isinstance(held, dict) else {}
            _counted(listed.get(named.key, ()), named, place, found)


def _by_key(holder: Tree, path: str) -> dict[str, list[tuple[Tree, str]]]:
    """Return the extensions of an object by their keys, each with its place."""
    listed, found = holder.get("extension"), defaultdict[str, list[tuple[Tree, str]]](list)
    for place, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict) and isinstance(url := one.get("url"), str):
            found[extension_key(url)].append((one, f"{path}.extension[{place}]"))
    return found


def _counted(those: Sequence[tuple[Tree, str]], named: Named, path: str, found: list[BrokenRule]) -> None:
    for one, place in those:
        _content(one, named, place, found)
    if len(those) < named.least:
        found.append(few(named.rules.count, f"{path}.extension", named.path))
    elif named.most is not None and len(those) > named.most:
        found.append(many(named.rules.count, f"{path}.extension", named.most))


def _content(one: Tree, named: Named, path: str, found: list[BrokenRule]) -> None:
    """Ask an extension for the value that its profile says; one with extensions of its own has none."""
    if not named.value or "extension" in one:
        return
    if named.value not in one:
        found.append(mistyped(named.rules.type, path, named.value.removeprefix("value")))
    elif named.codes and not is_coded(one[named.value], named.codes):
        found.append(uncoded(named.rules.code, f"{path}.{named.value}"))
