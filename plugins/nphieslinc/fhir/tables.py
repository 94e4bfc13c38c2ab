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


class RuleId(NamedTuple):
    """A rule of the exchange by its id; the path is empty where it is about no one element."""

    id: str
    is_active: bool
    path: str

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
    for path, least, most, types in _rows("fhir_r4"):
        parent, _, name = path.rpartition(".")
        found[parent].append(Element(name, int(least), most != "1", tuple(types.split("|"))))
    return {path: tuple(listed) for path, listed in found.items()}


@cache
def profiles() -> dict[str, dict[str, tuple[int, int | None]]]:
    """Return of each profile how often its elements come: least and most (None: any number)."""
    found: dict[str, dict[str, tuple[int, int | None]]] = defaultdict(dict)
    for profile, path, least, most in _rows("profiles"):
        found[profile][path] = int(least), 1 if most == "1" else None
    return dict(found)


@cache
def rule_ids() -> tuple[RuleId, ...]:
    """Return every rule that the exchange lists, ended ones too."""
    return tuple(RuleId(id_, not state, path) for id_, state, path in _rows("rule_ids"))


@cache
def id_of(family: str, path: str) -> str | None:
    """Return the active rule of a family on an element, if there is one."""
    return _by_element().get((family, path))


@cache
def _by_element() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for rule in rule_ids():
        if rule.is_active and rule.path:
            found.setdefault((rule.family, rule.path), rule.id)
    return found
