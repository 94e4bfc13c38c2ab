"""What an object of a message may hold, compiled from the tables: once for each place and profile, when first met."""

from dataclasses import dataclass
from functools import cache

from nphieslinc.elements.primitives import PRIMITIVES, Check
from nphieslinc.fhir import tables
from nphieslinc.fhir.systems import extension_key

ANY_RESOURCE = "Resource"
_DATA_TYPE, _CARDINALITY, _REFERENCE = "GE-00035", "IC-01428", "RE-00168"  # where no rule is about the element itself
_BACKBONES = frozenset({"BackboneElement", "Element"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A named place in an object: how many values it takes, and of which type."""

    name: str
    path: str  # as the rules name it
    is_list: bool
    most: int | None
    check: Check | None  # of a primitive; None: an object
    type: str  # of the object
    profile: str
    type_rule: str
    count_rule: str
    reference_rule: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be there: one of some names, or an extension by its key."""

    names: tuple[str, ...]
    path: str
    rule: str
    extension: str = ""
    on: str = ""  # the primitive whose extension it is
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """All slots of an object, and what is wanted of them."""

    slots: dict[str, Slot]
    wanted: tuple[Wanted, ...]


@cache
def shape_of(type_: str, path: str, profile: str) -> Shape:
    """Compile the shape of a type (a data type, a resource, or the path of a backbone) at a place."""
    counted = tables.profiles().get(profile, {})
    slots: dict[str, Slot] = {}
    wanted: list[Wanted] = []
    for element in tables.elements().get(type_, ()):
        place = f"{path}.{element.name.removesuffix('[x]')}"
        least, most = _counted(counted, place, path, element)
        named = [_slot(element, name, kind, (type_, path, profile), most) for name, kind in _names(element)]
        slots |= {slot.name: slot for slot in named}
        if least:
            wanted.append(Wanted(tuple(slot.name for slot in named), place, _count_rule(place, named), most=None))
    wanted += [_extension(path, place, counts) for place, counts in counted.items() if _is_extension(path, place)]
    wanted += [
        _of_primitive(path, place, counts) for place, counts in counted.items() if _is_primitive(path, place, slots)
    ]
    wanted += _choices(slots, counted, path)
    return Shape(slots, tuple(one for one in wanted if one.least or one.most))


def _counted(
    counted: dict[str, tuple[int, int | None]], place: str, path: str, element: tables.Element
) -> tuple[int, int | None]:
    least, most = element.min, None if element.is_list else 1
    profiled = counted.get(place) or counted.get(f"{path}.{element.name}")
    if not profiled:
        return least, most
    limits = element.is_list and tables.id_of("IC", place) is not None  # a list that no rule speaks of keeps FHIR's
    return max(least, profiled[0]), profiled[1] if limits else most


def _names(element: tables.Element) -> list[tuple[str, str]]:
    """Return the names in JSON with the type of each; a choice has one name for each type."""
    if not element.name.endswith("[x]"):
        return [(element.name, element.types[0])]
    base = element.name.removesuffix("[x]")
    return [(base + kind[0].upper() + kind[1:], kind) for kind in element.types]


def _slot(element: tables.Element, name: str, kind: str, at: tuple[str, str, str], most: int | None) -> Slot:
    type_, path, profile = at
    place = f"{path}.{name}"
    places = (place, f"{path}.{element.name}", f"{type_}.{name}", f"{type_}.{element.name}")
    if kind.startswith("@"):
        kind = kind[1:]
    elif kind in _BACKBONES:
        kind = place
    return Slot(
        name=name,
        path=place,
        is_list=element.is_list,
        most=most,
        check=PRIMITIVES.get(kind),
        type=kind,
        profile=profile,
        type_rule=_first("DT", places, _DATA_TYPE),
        count_rule=_first("IC", places, _CARDINALITY),
        reference_rule=_first("RE", places, _REFERENCE),
    )


def _first(family: str, places: tuple[str, ...], general: str) -> str:
    """Return the rule on the most exact of some places."""
    return next((rule for rule in (tables.id_of(family, place) for place in places) if rule), general)


def _count_rule(place: str, named: list[Slot]) -> str:
    own = tables.id_of("IC", place)
    return own or next((slot.count_rule for slot in named if slot.count_rule != _CARDINALITY), _CARDINALITY)


def _is_extension(path: str, place: str) -> bool:
    return place.startswith(f"{path}.extension.") and place.count(".") == path.count(".") + 2


def _extension(path: str, place: str, counts: tuple[int, int | None]) -> Wanted:
    key = extension_key(place.removeprefix(f"{path}.extension."))
    rule = tables.id_of("IC", place) or _CARDINALITY
    return Wanted(("extension",), place, rule, key, "", *counts)


def _is_primitive(path: str, place: str, slots: dict[str, Slot]) -> bool:
    rest = place.removeprefix(f"{path}.").split(".")
    if not place.startswith(f"{path}.") or len(rest) != 3 or rest[1] != "extension":  # noqa: PLR2004
        return False
    return rest[0] in slots and slots[rest[0]].check is not None


def _of_primitive(path: str, place: str, counts: tuple[int, int | None]) -> Wanted:
    name, _, extension = place.removeprefix(f"{path}.").split(".")
    rule = tables.id_of("IC", place) or _CARDINALITY
    return Wanted((name,), place, rule, extension_key(extension), name, *counts)


def _choices(slots: dict[str, Slot], counted: dict[str, tuple[int, int | None]], path: str) -> list[Wanted]:
    """Return the typed names of choices that a profile wants by that name (diagnosisCodeableConcept)."""
    known = {f"{path}.{element}" for element in slots}
    plain = {f"{path}.{one.name}" for one in tables.elements().get(path, ())}
    return [
        Wanted((place.rpartition(".")[2],), place, tables.id_of("IC", place) or _CARDINALITY)
        for place, (least, _) in counted.items()
        if least and place in known and place not in plain
    ]
