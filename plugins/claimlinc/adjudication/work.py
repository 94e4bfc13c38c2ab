"""What the rules share: the state of a claim and of a line while it is decided."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from claimlinc.contract import ClaimSubmission, Line, Outcome, TraceStep
from masterlinc.money import ZERO, Money
from policylinc.contract import BenefitTerm, Terms


@dataclass(slots=True)
class ClaimWork:
    """A claim under decision: the terms, and what is left of each balance."""

    submission: ClaimSubmission
    terms: Terms
    benefits: dict[str, BenefitTerm]
    prices: dict[tuple[str, str], Money]
    deductible_left: Money
    annual_left: Money
    limit_left: dict[str, Money]
    copay_left: dict[tuple[str, date], Money] = field(default_factory=dict)


@dataclass(slots=True)
class LineWork:
    """A line under decision; amounts are before tax unless they say otherwise."""

    line: Line
    day: date
    benefit: str = ""
    billed: Money = ZERO
    allowed: Money = ZERO
    deductible: Money = ZERO
    copay: Money = ZERO
    payer: Money = ZERO
    tax: Money = ZERO
    payer_tax: Money = ZERO
    outcome: Outcome = Outcome.APPROVED
    denial_code: str | None = None
    reason: str = ""
    reason_ar: str = ""
    stopped: bool = False
    trace: list[TraceStep] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule makes of a line; its finding's text becomes the reason."""

    outcome: Outcome
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule saw and found."""

    inputs: dict[str, str]
    result: str
    text: str
    text_ar: str
    ruling: Ruling | None = None


class Stage(StrEnum):
    """Eligibility rules all look, so that every failed one is seen; money rules stop with the line."""

    ELIGIBILITY = "eligibility"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its place is its position in RULES, its version changes with its meaning."""

    id: str
    version: str
    stage: Stage
    title: str
    title_ar: str
    run: Callable[[ClaimWork, LineWork], Finding]


_WEIGHT = {Outcome.APPROVED: 0, Outcome.PARTIAL: 1, Outcome.REJECTED: 2, Outcome.PENDED: 2}


def apply(rule: Rule, claim: ClaimWork, work: LineWork) -> None:
    """Let one rule look at a line, write its trace step and follow its ruling."""
    found = rule.run(claim, work)
    work.trace.append(
        TraceStep(
            rule=rule.id,
            version=rule.version,
            inputs=found.inputs,
            result=found.result,
            text=found.text,
            text_ar=found.text_ar,
        )
    )
    ruling = found.ruling
    if ruling is None or work.stopped:
        return
    if _WEIGHT[ruling.outcome] >= _WEIGHT[work.outcome]:
        work.outcome, work.denial_code = ruling.outcome, ruling.code
        work.reason, work.reason_ar = found.text, found.text_ar
    work.stopped = rule.stage is Stage.ELIGIBILITY or ruling.outcome is Outcome.PENDED


def percent(value: Decimal) -> str:
    """Write a percentage without idle zeros."""
    return f"{value.normalize():f}"
