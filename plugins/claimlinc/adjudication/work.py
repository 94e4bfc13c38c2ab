"""What the rules share: how a rule is written, and the state of a claim and of a line while it is decided."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from claimlinc.adjudication.balances import Authorized, Grant, Grants
from claimlinc.adjudication.facts import Facts
from claimlinc.adjudication.others import Beside
from claimlinc.contract import ClaimSubmission, Diagnosis, Line, Outcome, TraceStep
from masterlinc.money import ZERO, Money, Quantity
from policylinc.contract import BenefitTerm, ServiceRule, ServiceRuleKind, Terms

told = lru_cache(4096)(str)  # a day as inputs have it: the same few days are told for every rule and line


class Case(NamedTuple):
    """One thing that a rule may find. Its words are format strings over the finding's inputs and `{result}`."""

    text: str
    text_ar: str
    outcome: Outcome | None = None  # None: the line stands
    code: str | None = None  # a NPHIES denial code


class Finding(Struct, frozen=True, gc=False):
    """What a rule saw and found: the name of one of its cases, and the figures that the case's words are made with."""

    case: str
    inputs: dict[str, str]
    result: str


class Stage(StrEnum):
    """When a rule looks."""

    CLAIM = "claim"  # once, at the claim as a whole
    ELIGIBILITY = "eligibility"  # all look; the first that fails decides
    EDIT = "edit"  # all look at a line that stands after eligibility
    MONEY = "money"  # only while the line stands


PAID = frozenset({Outcome.APPROVED, Outcome.PARTIAL})


@dataclass(slots=True)
class ClaimWork:
    """A claim under decision: the terms, and what is left of each balance."""

    submission: ClaimSubmission
    facts: Facts
    terms: Terms
    benefits: dict[str, BenefitTerm]
    whole: str  # the benefit of its lines, by its type
    pregnancies: tuple[Diagnosis, ...]
    rules: dict[ServiceRuleKind, list[ServiceRule]]
    prices: dict[tuple[str, str], Money]
    is_emergency: bool
    deductible_left: Money
    annual_left: Money
    grants: Grants
    authorized: list[Authorized]
    beside: Beside
    eligibility_rules: tuple["Rule", ...]
    edit_rules: tuple["Rule", ...]
    money_rules: tuple["Rule", ...]
    copay_left: dict[tuple[str, date], Money] = field(default_factory=dict)
    coded: dict[str, list[tuple[BenefitTerm, int]]] = field(default_factory=dict)  # see benefit-class
    diagnoses: dict[tuple[int, ...], tuple[str, ...]] = field(
        default_factory=dict
    )  # by the sequences that a line names
    of_day: dict[date, dict[str, TraceStep]] = field(default_factory=dict)  # what day rules found


@dataclass(slots=True)
class LineWork:
    """A line under decision; amounts are before tax unless they say otherwise."""

    line: Line
    day: date
    codes: tuple[str, ...]
    quantity: Quantity  # what may be paid for; the line's own stays as it was billed
    billed_tax: Money  # what of the line's tax may be allowed
    benefit: str = ""
    benefits: tuple[str, ...] = ()  # with the benefit's parents
    grant: Grant | None = None
    authorized: Authorized | None = None
    new_days: list[int] = field(default_factory=list)  # that count for the benefit
    billed: Money = ZERO
    allowed: Money = ZERO
    deductible: Money = ZERO
    copay: Money = ZERO
    payer: Money = ZERO
    tax: Money = ZERO
    payer_tax: Money = ZERO
    outcome: Outcome = Outcome.APPROVED
    denial_code: str | None = None
    stopped: bool = False
    trace: list[TraceStep] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its place is its position in RULES, its version changes with its meaning."""

    id: str
    version: str
    stage: Stage
    title: str
    title_ar: str
    source: str  # what it rests on
    cases: Mapping[str, Case]
    run: Callable[[ClaimWork, LineWork], Finding]
    of_day: bool = False  # it asks nothing of a line but its day: what it found holds for all lines of that day


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """A rule that looks at the claim as a whole, before any line."""

    id: str
    version: str
    stage: Stage
    title: str
    title_ar: str
    source: str
    cases: Mapping[str, Case]
    run: Callable[[ClaimSubmission, Facts, date], Finding | None]  # None: it has nothing to say


_WEIGHT = {Outcome.APPROVED: 0, Outcome.PARTIAL: 1, Outcome.PENDED: 2, Outcome.REJECTED: 3}


def outweighs(stage: Stage, new: Outcome, old: Outcome) -> bool:
    """Say whether what a rule finds takes the place of what was decided before it.

    A line waits for nobody when another edit rejects it. Of equal findings the first one decides; among the money rules
    the last, since each goes on from the one before.
    """
    if stage is Stage.MONEY:
        return _WEIGHT[new] >= _WEIGHT[old]
    return _WEIGHT[new] > _WEIGHT[old]


_MONEY = Stage.MONEY  # a name of the module: to look up a member of an enumeration takes longer than to compare it


def look(rules: Iterable[Rule], claim: ClaimWork, work: LineWork) -> None:
    """Let rules look at a line in their order; money rules stop with it."""
    of_day, append = claim.of_day.setdefault(work.day, {}), work.trace.append
    for rule in rules:
        if work.stopped and rule.stage is _MONEY:
            return
        if not rule.of_day:
            found = rule.run(claim, work)
            step = TraceStep(rule.id, rule.version, found.inputs, found.result, "", "", found.case)
        elif rule.id in of_day:
            step = of_day[rule.id]
        else:
            step = of_day[rule.id] = trace_step(rule, rule.run(claim, work))
        append(step)
        case = rule.cases[step.case]
        if case.outcome is not None and not work.stopped:
            _follow(rule, case.outcome, case.code, work)


def _follow(rule: Rule, outcome: Outcome, code: str | None, work: LineWork) -> None:
    if outweighs(rule.stage, outcome, work.outcome):
        work.outcome, work.denial_code = outcome, code
    if rule.stage is Stage.ELIGIBILITY or (rule.stage is Stage.MONEY and outcome is Outcome.PENDED):
        work.stopped = True


def trace_step(rule: Rule | ClaimRule, found: Finding) -> TraceStep:
    """Return a finding as it is kept; its words are made when somebody reads them."""
    return TraceStep(rule.id, rule.version, found.inputs, found.result, "", "", found.case)
