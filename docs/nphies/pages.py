"""Write docs/nphies-rules.md: which rules of the exchange are checked; run it after a change of rules or tables."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from nphieslinc.elements.examples import example_of
from nphieslinc.fhir.tables import FAMILIES, RuleId, rule_ids
from nphieslinc.rules import BUSINESS_RULES

PAGE = Path(__file__).parents[1] / "nphies-rules.md"
_TITLES = {
    "DT": "Data types",
    "IC": "Cardinality",
    "IB": "Codes",
    "RE": "References",
    "FR": "FHIR itself",
    "GE": "General",
    "BV": "Business rules",
}
# What reading a message or the simulated hub refuses, with the code that does.
READING = {
    "BV-00130": "envelope",
    "BV-00167": "envelope",
    "BV-00221": "envelope",
    "BV-00165": "reading",
    "BV-00044": "reading",
    "BV-00163": "simulator",
    "BV-00532": "simulator",
    "BV-00533": "simulator",
    "BV-00545": "simulator",
    "FR-00005": "elements",
    "FR-00006": "elements",
    "FR-00007": "envelope",
    "FR-00012": "envelope",
    "FR-00027": "elements",
    "GE-00013": "simulator",
    "GE-00015": "payer",
    "GE-00020": "licences",
    "GE-00028": "fhir",
    "GE-00035": "elements",
    "IC-01428": "elements",
    "IB-00000": "elements",
    "RE-00168": "elements",
    "IC-01318": "envelope",
    "IB-00169": "envelope",
    "IC-00375": "envelope",
    "IC-00379": "envelope",
    "IC-01320": "fhir",
    "RE-00189": "rules",
}


def page() -> str:
    """Return the page."""
    active = [rule for rule in rule_ids() if rule.is_active]
    found = {rule.id: _where(rule) for rule in active}
    return "\n".join(["# Rules of the exchange", "", *_reach(active, found), *_families(active, found)]) + "\n"


def _where(rule: RuleId) -> str:
    """Say which part of the code checks a rule; empty: none does."""
    if rule.id in _BUSINESS:
        return "rules"
    if rule.path and rule.family in ("DT", "IC", "IB", "RE") and example_of(rule) is not None:
        return "elements"
    return READING.get(rule.id, "")


_BUSINESS = {rule.id for rule in BUSINESS_RULES}


_INTRODUCTION = """\
Made from the code by `docs/nphies/pages.py`. The ids are those of the exchange's validation error codes, OBA 2.8
(August 2024), without those that ended. The last column names the part of `nphieslinc` that checks a rule. An element
rule counts as checked when the smallest resource that breaks it is found, and the same resource without the fault is
not (`elements/examples.py`, tried for each id by `tests/agents/nphieslinc/test_elements.py`).
"""
_REST = """\
What is not checked is not built yet, or is about no one message: rules without an element speak of how the hub itself
reads profiles, references and lists. Codes of long lists are taken as they are.
"""


def _reach(active: list[RuleId], found: dict[str, str]) -> Iterator[str]:
    yield _INTRODUCTION
    yield from ("| family | active | checked | reach |", "|---|---|---|---|")
    total = Counter(rule.family for rule in active)
    checked = Counter(rule.family for rule in active if found[rule.id])
    for family in FAMILIES:
        share = 100 * checked[family] // total[family]
        yield f"| {family}: {_TITLES[family]} | {total[family]} | {checked[family]} | {share} % |"
    yield from ("", _REST)


def _families(active: list[RuleId], found: dict[str, str]) -> Iterator[str]:
    order = {family: place for place, family in enumerate(FAMILIES)}
    ordered = sorted(active, key=lambda rule: (order[rule.family], rule.id))
    for family, rules in groupby(ordered, key=lambda rule: rule.family):
        yield from (f"## {_TITLES[family]}", "", "| rule | element | checked |", "|---|---|---|")
        for rule in rules:
            yield f"| {rule.id} | {f'`{rule.path}`' if rule.path else ''} | {found[rule.id] or 'no'} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page().rstrip() + "\n", encoding="utf-8")
