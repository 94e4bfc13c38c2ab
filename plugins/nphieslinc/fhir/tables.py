"""The element tables that come along (docs/nphies/tables.py makes them): facts of FHIR R4 and of NPHIES' profiles."""

import csv
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import NamedTuple

FAMILIES = ("DT", "IC", "IB", "RE", "FR", "GE", "BV")


class Element(NamedTuple):
    """An element of FHIR R4: its name under its parent, how often it comes, and of which types it may be."""

    name: str
    min: int
    is_list: bool
    types: tuple[str, ...]  # `@path`: as the element there
    codes: frozenset[str]  # that FHIR requires; empty: not said


class Profiled(NamedTuple):
    """What a profile says of an element: least, most (None: any number), an extension's type, the codes' value set."""

    least: int
    most: int | None
    type: str
    value_set: str


class RuleId(NamedTuple):
    """A rule of the exchange by its id; the path is empty where it is about no one element."""

    id: str
    is_active: bool
    path: str
    profile: str  # that it is about alone; empty: any

    @property
    def family(self) -> str:
        """Return DT, IC, IB, RE, FR, GE or BV."""
        return self.id.partition("-")[0]


def _rows(name: str) -> list[list[str]]:
    text = files("nphieslinc").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    return [*csv.reader(text.splitlines()[2:])]  # after the line that names the source, and the header


@cache
def elements() -> dict[str, tuple[Element, ...]]:
    """Return the elements of each type and backbone of FHIR R4, by its path."""
    found: dict[str, list[Element]] = defaultdict(list)
    for path, least, most, types, codes in _rows("fhir_r4"):
        parent, _, name = path.rpartition(".")
        required = frozenset(codes.split("|")) if codes else frozenset()
        found[parent].append(Element(name, int(least), most != "1", tuple(types.split("|")), required))
    return {path: tuple(listed) for path, listed in found.items()}


def is_resource(type_: str) -> bool:
    """Say whether messages of the exchange hold resources of a type; a data type is none."""
    return any(element.name == "meta" for element in elements().get(type_, ()))


@cache
def profiles() -> dict[str, dict[str, Profiled]]:
    """Return what each profile says of its elements, by their paths."""
    found: dict[str, dict[str, Profiled]] = defaultdict(dict)
    for profile, path, least, most, type_, value_set in _rows("profiles"):
        found[profile][path] = Profiled(int(least), 1 if most == "1" else None, type_, value_set)
    return dict(found)


@cache
def value_set(name: str) -> dict[str, frozenset[str] | None]:
    """Return the code systems of a value set with their codes; None: the system is too long to come along."""
    codes = _codes()
    return {system: codes.get(system) for listed, system in _rows("value_sets") if listed == name}


@cache
def _codes() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for system, code in _rows("codes"):
        found[system].add(code)
    return {system: frozenset(codes) for system, codes in found.items()}


@cache
def rule_ids() -> tuple[RuleId, ...]:
    """Return every rule that the exchange lists, ended ones too."""
    return tuple(RuleId(id_, not state, path, profile) for id_, state, path, profile in _rows("rule_ids"))


def id_of(family: str, path: str, profile: str = "") -> str | None:
    """Return the active rule of a family on an element, if there is one; that of the profile before the general one."""
    known = _by_element()
    return known.get((family, path, profile)) or known.get((family, path, ""))


def has_parts(path: str) -> bool:
    """Say whether a rule or a profile speaks of what is under an element."""
    return path in _parents()


@cache
def _parents() -> frozenset[str]:
    paths = {rule.path for rule in rule_ids()}.union(*profiles().values())
    parents: set[str] = set()
    for path in paths:
        while "." in path:
            path = path.rpartition(".")[0]  # noqa: PLW2901 - up to the resource
            parents.add(path)
    return frozenset(parents)


@cache
def _by_element() -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for rule in rule_ids():
        if rule.is_active and rule.path:
            found.setdefault((rule.family, rule.path, rule.profile), rule.id)
    return found
