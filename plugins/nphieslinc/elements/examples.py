"""The smallest resource that breaks an element rule, and one that keeps it: what shows that it is checked."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from nphieslinc.elements.choosing import profile_of
from nphieslinc.elements.shapes import Named, Shape, Slot, shape_of
from nphieslinc.elements.walk import check_resource
from nphieslinc.fhir import Number, Tree
from nphieslinc.fhir.systems import extension_key
from nphieslinc.fhir.tables import RuleId

# Where the data types that rules speak of stand.
_HOSTS = {
    "Identifier": "Encounter.identifier",
    "Address": "Patient.address",
    "HumanName": "Patient.name",
    "ContactPoint": "Patient.telecom",
    "Extension": "Patient.extension",
    "Attachment": "Communication.payload.contentAttachment",
    "Annotation": "Communication.note",
    "Quantity": "Claim.item.quantity",
    "Money": "Claim.total",
    "Period": "Encounter.period",
    "Coding": "Encounter.class",
    "CodeableConcept": "Claim.type",
    "Reference": "Claim.patient",
    "Meta": "Claim.meta",
    "Dosage": "MedicationRequest.dosageInstruction",
    "Timing": "MedicationRequest.dosageInstruction.timing",
    "Narrative": "Patient.text",
    "Signature": "Bundle.signature",
}
_KINDS = ("institutional", "professional", "oral", "pharmacy", "vision")
_PROFILES = ("provider", "insurer", "policyholder")
_GOOD: dict[str, Any] = {
    "boolean": True,
    "decimal": Number("1.5"),
    "integer": 1,
    "unsignedInt": 1,
    "positiveInt": 1,
    "date": "2026-01-31",
    "dateTime": "2026-01-31",
    "instant": "2026-01-31T09:00:00Z",
    "time": "09:00:00",
    "base64Binary": "TUw=",
    "oid": "urn:oid:1.2",
    "uuid": "urn:uuid:00000000-0000-4000-8000-000000000000",
}
_PART = {"id": "1"}  # an object with content


class Example(NamedTuple):
    """Two resources that differ in one thing."""

    broken: Tree
    kept: Tree


def example_of(rule: RuleId) -> Example | None:
    """Return what shows that a rule is checked; None where nothing breaks it here."""
    return next((one for one in _candidates(rule) if _shows(rule.id, one)), None)


def _shows(rule: str, one: Example) -> bool:
    broken, kept = (
        {fault.rule for fault in check_resource(tree, str(tree["resourceType"]))} for tree in (one.broken, one.kept)
    )
    return rule in broken and rule not in kept


def _candidates(rule: RuleId) -> Iterator[Example]:
    root, _, rest = rule.path.partition(".")
    path = f"{_HOSTS[root]}.{rest}" if root in _HOSTS and rest else rule.path
    names = path.split(".")
    for head in _heads(names[0]):
        for values in _values(rule.family, head, names):
            yield Example(*(_built(head, names, value) for value in values))
        if names[-1].endswith("[x]"):
            yield from _of_choice(rule.family, head, names)


def _heads(type_: str) -> Iterator[Tree]:
    """Return the beginnings of a resource, one for each profile that it may follow."""
    head: Tree = {"resourceType": type_}
    if type_ == "Claim":
        for use in ("claim", "preauthorization"):
            yield from (head | {"use": use, "type": {"coding": [{"code": kind}]}} for kind in _KINDS)
    elif type_ == "Organization":
        yield from (head | {"meta": {"profile": [f"x/{name}-organization|1.0.0"]}} for name in _PROFILES)
    elif type_ == "ClaimResponse":
        yield from (head | {"use": use} for use in ("claim", "preauthorization"))
    yield head


def _values(family: str, head: Tree, names: list[str]) -> Iterator[tuple[Any, Any]]:
    """Return pairs of a value that breaks a rule and one that keeps it; None leaves the element out."""
    found = _find(head, names)
    if isinstance(found, Named):
        yield from _of_extension(family, found)
    elif found is not None:
        yield from _of_slot(family, found)


def _of_slot(family: str, slot: Slot) -> Iterator[tuple[Any, Any]]:
    good = _GOOD.get(slot.type, "x") if slot.check is not None else _PART
    kept = [good] if slot.is_list else good
    if family == "DT":
        bad: Any = {"x": 1} if slot.check is not None else 1
        yield ([bad] if slot.is_list else bad), kept
    elif family == "IC":
        yield None, kept
        yield [good] * ((slot.most or 1) + 1), kept
    elif family == "RE":
        bad, good = {"display": "x"}, {"reference": "x"}
        yield ([bad], [good]) if slot.is_list else (bad, good)
    elif family == "IB" and slot.codes:
        bad, good = (_coded(slot.type, code) for code in (("x", "not a code"), _code(slot)))
        yield ([bad], [good]) if slot.is_list else (bad, good)


def _of_choice(family: str, head: Tree, names: list[str]) -> Iterator[Example]:
    """Return a choice of a type that it may not be, and one that was made twice."""
    slot, kept = _find(head, names), dict(head)
    if not isinstance(slot, Slot):
        return
    _within(kept, names[:-1])[slot.name] = _GOOD.get(slot.type, "x") if slot.check is not None else _PART
    broken = dict(head)
    holder = _within(broken, names[:-1])
    shape = _shape_at(head, names[:-1])
    base = names[-1].removesuffix("[x]")
    if family == "DT":
        holder[f"{base}Nothing"] = "x"
    elif family == "IC":
        choice = next(one for one in shape.choices if one.base == base)
        for name in sorted(choice.names)[:2]:
            other = shape.slots[name]
            holder[name] = _GOOD.get(other.type, "x") if other.check is not None else _PART
    yield Example(broken, kept)


def _code(held: Slot | Named) -> tuple[str, str]:
    system, codes = next(iter(held.codes.items()))
    return system, min(codes) if codes else "1"


def _coded(type_: str, code: tuple[str, str]) -> Any:
    coding = {"system": code[0], "code": code[1]}
    if type_ == "code":
        return code[1]
    return coding if type_ == "Coding" else {"coding": [coding]}


def _of_extension(family: str, named: Named) -> Iterator[tuple[Any, Any]]:
    url = f"x/extension-{named.path.rpartition('.')[2]}"
    good: dict[str, Any] = {"url": url, named.value or "valueString": _PART if named.value else "x"}
    if named.codes:
        good[named.value] = _coded("CodeableConcept", _code(named))
    if family == "DT":
        yield [{"url": url, "valueUrl": "x"}], [good]
    elif family == "IC":
        yield [], [good]
        yield [good, good], [good]
    elif family == "IB" and named.codes:
        yield [{"url": url, named.value: _coded("CodeableConcept", ("x", "x"))}], [good]
    elif family == "RE" and named.value == "valueReference":
        yield [{"url": url, named.value: {"display": "x"}}], [{"url": url, named.value: {"reference": "x"}}]


def _find(head: Tree, names: list[str]) -> Slot | Named | None:
    """Find what is known of the element that a path names."""
    shape, slot = shape_of(names[0], names[0], profile_of(head)), None
    for place, name in enumerate(names[1:], start=1):
        on = name if place == len(names) - 3 and names[place + 1] == "extension" and _is_primitive(shape, name) else ""
        if on or (name == "extension" and place == len(names) - 2):
            named = _extension(shape, on, names[-1])
            if named is not None or on:
                return named
        slot = shape.slots.get(name) or _chosen(shape, name)
        if slot is None:
            return None
        shape = shape_of(slot.type, slot.path, slot.profile) if slot.check is None else Shape({}, (), ())
    return slot


def _is_primitive(shape: Shape, name: str) -> bool:
    return name in shape.slots and shape.slots[name].check is not None


def _chosen(shape: Shape, name: str) -> Slot | None:
    """Find one of the names of a choice: value[x], or value where a rule leaves the brackets out."""
    base = name.removesuffix("[x]")
    typed = (slot for key, slot in shape.slots.items() if key.startswith(base) and key[len(base) :][:1].isupper())
    return next(typed, None)


def _extension(shape: Shape, on: str, name: str) -> Named | None:
    return next((one for one in shape.extensions if (one.on, one.key) == (on, extension_key(name))), None)


def _built(head: Tree, names: list[str], value: Any) -> Tree:
    """Return a resource with a value at a path, and no more than that needs."""
    tree, found = dict(head), _find(head, names)
    if isinstance(found, Named):
        holder = _within(tree, names[: -3 if found.on else -2])
        if found.on:
            holder[found.on] = _GOOD.get(found.on, "2026-01-31" if found.on == "birthDate" else "x")
            holder[f"_{found.on}"] = {"extension": value} if value else {}
        elif value:
            holder["extension"] = value
        return tree
    holder = _within(tree, names[:-1])
    if found is not None and value is not None:
        holder[found.name] = value
    return tree


def _shape_at(head: Tree, names: list[str]) -> Shape:
    shape = shape_of(names[0], names[0], profile_of(head))
    for name in names[1:]:
        slot = shape.slots.get(name) or _chosen(shape, name)
        assert slot is not None, "a path that was found"
        shape = shape_of(slot.type, slot.path, slot.profile)
    return shape


def _within(tree: Tree, names: list[str]) -> Tree:
    shape, holder = shape_of(names[0], names[0], profile_of(tree)), tree
    for name in names[1:]:
        slot = shape.slots.get(name) or _chosen(shape, name)
        assert slot is not None, "a path that was found"
        inner = dict(holder[slot.name]) if isinstance(holder.get(slot.name), dict) else dict(_PART)
        holder[slot.name] = [inner] if slot.is_list else inner
        holder, shape = inner, shape_of(slot.type, slot.path, slot.profile)
    return tree if len(names) == 1 else holder
