"""Builders of what edits look at: lines of before, payers' rules, lines by their code."""

from typing import Any
from uuid import UUID

from claim_builders import DAY, SERVICES, line

from claimlinc.adjudication.facts import PastLine
from claimlinc.contract import Coding, Decision, Line, Outcome, TraceStep
from masterlinc.money import Quantity
from policylinc.contract import ServiceRule, ServiceRuleKind

CLINIC = UUID("0190a000-0000-7000-8000-00000000000a")
OTHER_CLINIC = UUID("0190a000-0000-7000-8000-00000000000b")
CONSULTATION = "83600-00-10"


def coded(code: str = CONSULTATION, **more: Any) -> Line:
    """Build a line of a code, at no site of the body."""
    return line(**({"codes": (Coding(SERVICES, code),), "body_site": None} | more))


def past(code: str = CONSULTATION, **more: Any) -> PastLine:
    """Build a line that the payer approved before, of a provider whom nobody knows but by its numbers."""
    values: dict[str, Any] = {
        "decision_id": UUID("0190a000-0000-7000-8000-0000000000d1"),
        "claim": "req_0",
        "claim_system": "http://clinic.test/claim",
        "sequence": 1,
        "service_date": DAY,
        "provider_organization_id": None,
        "codes": (Coding(SERVICES, code),),
        "benefit": "outpatient",
        "quantity": Quantity(1),
        "outcome": Outcome.APPROVED,
        "diagnoses": ("J06.9",),
    }
    return PastLine(**(values | more))


def payer_rule(kind: ServiceRuleKind, **more: Any) -> ServiceRule:
    """Build a payer's rule on all services."""
    return ServiceRule(**({"id": "r.1@1", "kind": kind, "text": "As agreed", "text_ar": "حسب الاتفاق"} | more))


def found(decision: Decision, rule: str) -> list[str]:
    """Return what a rule found at each line; `-` where it did not look."""
    return [next((step.case for step in decided.trace if step.rule == rule), "-") for decided in decision.lines]


def step_of(decision: Decision, rule: str, place: int = 0) -> TraceStep:
    """Return a rule's step at a line."""
    return next(step for step in decision.lines[place].trace if step.rule == rule)


def denials(decision: Decision) -> list[str | None]:
    """Return the denial code of each line."""
    return [decided.denial_code for decided in decision.lines]
