"""What each party to a claim sees of it: the provider its own, the payer what is addressed to it."""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct

from claimlinc.contract import TraceStep
from claimlinc.schemas import (
    AdjudicatedLine,
    Adjudication,
    AdjudicationView,
    ClaimDetail,
    ClaimPage,
    ClaimsSeen,
    ClaimView,
    ExplainedLine,
    ExplainedStep,
    PayerAdjudicationView,
    PayerClaimDetail,
    PayerClaimPage,
    PayerClaimView,
    PayerStepView,
)

S = TypeVar("S", bound=Struct)


def cut(view: Struct, type_: type[S]) -> S:
    """Return the part of a view that another type of it names."""
    return type_(**_fields(view, type_))


def for_payer(view: ClaimDetail, member_number: str | None) -> PayerClaimDetail:
    """Return a provider's claim as its payer sees it."""
    steps = [PayerStepView(step.step, step.status, step.timestamp) for step in view.workflow_steps]
    same = {name for name in PayerClaimView.__struct_fields__ if name in ClaimDetail.__struct_fields__}
    shared = {name: getattr(view, name) for name in same - {"workflow_steps"}}
    return PayerClaimDetail(
        **shared,
        member_number=member_number,
        workflow_steps=steps,
        corrects=view.corrects,
        corrected_by=view.corrected_by,
        lines=view.lines,
    )


def paged(claims: list[ClaimView] | list[PayerClaimView], counts: tuple[int, int, int, bool]) -> ClaimsSeen:
    """Return a page of claims as its audience sees one; `counts`: total, page, page_size, total_exact."""
    to_payer = [claim for claim in claims if isinstance(claim, PayerClaimView)]
    if to_payer:
        return PayerClaimPage(to_payer, *counts)
    return ClaimPage([claim for claim in claims if isinstance(claim, ClaimView)], *counts)


def explained(view: PayerAdjudicationView) -> AdjudicationView:
    """Return a payer's decision as it is explained to the provider."""
    lines = [ExplainedLine(**_fields(line, AdjudicatedLine), trace=_explained(line.trace)) for line in view.lines]
    return AdjudicationView(**_fields(view, Adjudication), lines=lines, trace=_explained(view.trace))


def _explained(trace: Sequence[TraceStep]) -> tuple[ExplainedStep, ...]:
    return tuple(ExplainedStep(step.rule, step.result, step.text, step.text_ar) for step in trace)


def _fields(view: Struct, type_: type[Struct]) -> dict[str, Any]:
    return {name: getattr(view, name) for name in type_.__struct_fields__}
