"""Which benefit a service code belongs to, from `data/benefits.toml`."""

import re
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

DEFAULT_BENEFIT = "outpatient"


class Benefit(Struct, frozen=True, forbid_unknown_fields=True):
    """A benefit and its names."""

    code: str
    title: str
    title_ar: str


class CodeRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A shape of service codes that belong to one benefit."""

    id: str
    pattern: str
    benefit: str
    why: str


class Classified(Struct, frozen=True):
    """The benefit of a code and the rule that said so; `rule` is empty when none knew the code."""

    benefit: str
    rule: str


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    benefit: tuple[Benefit, ...]
    rule: tuple[CodeRule, ...]


def classify(service_code: str) -> Classified:
    """Say which benefit a service code belongs to; outpatient where no rule knows it."""
    for pattern, rule in _patterns():
        if pattern.fullmatch(service_code):
            return Classified(rule.benefit, rule.id)
    return Classified(DEFAULT_BENEFIT, "")


def is_known(benefit: str) -> bool:
    """Say whether claims may belong to a benefit of this name."""
    return any(one.code == benefit for one in _table().benefit)


def benefit_named(code: str) -> Benefit:
    """Return a benefit with its names; an unknown code names itself."""
    for benefit in _table().benefit:
        if benefit.code == code:
            return benefit
    return Benefit(code, code, code)


@cache
def _table() -> _Table:
    return msgspec.toml.decode(files("policylinc").joinpath("data/benefits.toml").read_bytes(), type=_Table)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], CodeRule], ...]:
    return tuple((re.compile(rule.pattern, re.ASCII), rule) for rule in _table().rule)
