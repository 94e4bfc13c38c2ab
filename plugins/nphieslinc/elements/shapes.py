"""What an object of a message may hold, compiled from the tables: once for each place and profile, when first met."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from nphieslinc.elements.primitives import PRIMITIVES, Check
from nphieslinc.fhir import tables
from nphieslinc.fhir.systems import extension_key

ANY_RESOURCE = "Resource"
_BACKBONES = frozenset({"BackboneElement", "Element"})
_CODED = frozenset({"code", "Coding", "CodeableConcept"})
# Where no rule is about the element itself.
_GENERAL = {"DT": "GE-00035", "IC": "IC-01428", "IB": "IB-00000", "RE": "RE-00168"}
_NOTHING_SAID = tables.Profiled(0, None, "", "")

Codes = Mapping[str, frozenset[str] | None]  # by system; None: they are not here


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules on an element: of its type, of how often it comes, of its code, of what it refers to."""

    type: str
    count: str
    code: str
    reference: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A named place in an object: how many values it takes, and of which type."""

    name: str
    path: str  # as the rules name it; what is under a data type that no rule speaks of there is named by the type
    is_list: bool
    most: int | None
    check: Check | None  # of a primitive; None: an object
    type: str
    profile: str
    codes: Codes
    rules: Rules


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be there, by one of some names."""

    names: tuple[str, ...]
    path: str
    rule: str


@dataclass(frozen=True, slots=True)
class Named:
    """An extension that a profile knows: how often it comes, and the value that it has."""

    key: str
    on: str  # the primitive whose extension it is; empty: the object's own
    path: str
    least: int
    most: int | None
    value: str  # valueMoney; empty: not said
    codes: Codes
    rules: Rules


@dataclass(frozen=True, slots=True)
class Choice:
    """An element that may be of several types, under a name for each: one of them at most."""

    base: str
    names: frozenset[str]
    rules: Rules


@dataclass(frozen=True, slots=True)
class Shape:
    """All that is known of an object."""

    slots: dict[str, Slot]
    wanted: tuple[Wanted, ...] = ()
    extensions: tuple[Named, ...] = ()
    choices: tuple[Choice, ...] = ()


@cache
def shape_of(type_: str, path: str, profile: str) -> Shape:
    """Compile the shape of a type (a data type, a resource, or the path of a backbone) at a place."""
    profiled = tables.profiles().get(profile, {})
    slots: dict[str, Slot] = {}
    wanted: list[Wanted] = []
    for element in tables.elements().get(type_, ()):
        said = _said(profiled, path, element)
        named = [_slot(element, pair, (type_, path, profile), said) for pair in _names(element)]
        slots |= {slot.name: slot for slot in named}
        if element.min or said.least:
            place = f"{path}.{element.name.removesuffix('[x]')}"
            wanted.append(Wanted(tuple(slot.name for slot in named), place, _count_rule(place, named)))
    wanted += _typed(type_, slots, profiled, path)
    choices = tuple(_choice(one, type_, path) for one in tables.elements().get(type_, ()) if one.name.endswith("[x]"))
    return Shape(slots, tuple(wanted), tuple(_extensions(slots, profiled, path)), choices)


def _choice(element: tables.Element, type_: str, path: str) -> Choice:
    names = frozenset(name for name, _ in _names(element))
    places = (f"{path}.{element.name}", f"{type_}.{element.name}")
    return Choice(element.name.removesuffix("[x]"), names, _rules("", *places))


def _said(profiled: Mapping[str, tables.Profiled], path: str, element: tables.Element) -> tables.Profiled:
    place = f"{path}.{element.name}"
    return profiled.get(place) or profiled.get(place.removesuffix("[x]")) or _NOTHING_SAID


def _names(element: tables.Element) -> list[tuple[str, str]]:
    """Return the names in JSON with the type of each; a choice has one name for each type."""
    if not element.name.endswith("[x]"):
        return [(element.name, element.types[0])]
    base = element.name.removesuffix("[x]")
    return [(base + kind[0].upper() + kind[1:], kind) for kind in element.types]


def _slot(element: tables.Element, pair: tuple[str, str], at: tuple[str, str, str], said: tables.Profiled) -> Slot:
    (name, kind), (type_, path, profile) = pair, at
    place = f"{path}.{name}"
    rules = _rules(profile, place, f"{path}.{element.name}", f"{type_}.{name}", f"{type_}.{element.name}")
    # A list that no rule speaks of keeps FHIR's number: the profiles say 1 of some that hold several in practice.
    most = said.most if element.is_list and tables.id_of("IC", place) else None
    own = tables.profiles().get(profile, {}).get(place, said)
    type_of = place if kind in _BACKBONES else kind.removeprefix("@")
    return Slot(
        name=name,
        path=place if tables.has_parts(place) or kind in _BACKBONES else type_of,
        is_list=element.is_list,
        most=most if element.is_list else 1,
        check=PRIMITIVES.get(kind),
        type=type_of,
        profile=profile,
        codes=_codes(element, own.value_set) if kind in _CODED else {},
        rules=rules,
    )


def _codes(element: tables.Element, value_set: str) -> Codes:
    """Return the codes of the profile's value set, else those that FHIR requires."""
    if value_set:
        return tables.value_set(value_set)
    return {"": element.codes} if element.codes else {}


def _rules(profile: str, *places: str) -> Rules:
    """Return the rules on the most exact of some places."""

    def first(family: str) -> str:
        named = (tables.id_of(family, place, profile) for place in places)
        return next((rule for rule in named if rule), _GENERAL[family])

    return Rules(first("DT"), first("IC"), first("IB"), first("RE"))


def _count_rule(place: str, named: list[Slot]) -> str:
    own = (slot.rules.count for slot in named if slot.rules.count != _GENERAL["IC"])
    return tables.id_of("IC", place) or next(own, _GENERAL["IC"])


def _typed(type_: str, slots: Mapping[str, Slot], profiled: Mapping[str, tables.Profiled], path: str) -> list[Wanted]:
    """Return the names of choices that a profile wants with their type (diagnosisCodeableConcept)."""
    plain = {one.name for one in tables.elements().get(type_, ())}
    return [
        Wanted((name,), f"{path}.{name}", slot.rules.count)
        for name, slot in slots.items()
        if name not in plain and profiled.get(f"{path}.{name}", _NOTHING_SAID).least
    ]


def _extensions(slots: Mapping[str, Slot], profiled: Mapping[str, tables.Profiled], path: str) -> list[Named]:
    return [
        _named(place, on, said)
        for place, said in profiled.items()
        if place.startswith(f"{path}.")
        and (on := _holder(place.removeprefix(f"{path}.").split("."), slots)) is not None
    ]


def _holder(names: list[str], slots: Mapping[str, Slot]) -> str | None:
    """Return what holds an extension: a primitive by its name, the object itself as an empty text, or None."""
    if len(names) == 2 and names[0] == "extension":  # noqa: PLR2004
        return ""
    if len(names) == 3 and names[1] == "extension" and names[0] in slots:  # noqa: PLR2004
        return names[0] if slots[names[0]].check is not None else None
    return None


def _named(place: str, on: str, said: tables.Profiled) -> Named:
    return Named(
        key=extension_key(place.rpartition(".")[2]),
        on=on,
        path=place,
        least=said.least,
        most=said.most,
        value=f"value{said.type}" if said.type else "",
        codes=tables.value_set(said.value_set) if said.value_set else {},
        rules=_rules("", place),
    )
