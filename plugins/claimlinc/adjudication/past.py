"""The lines of a decision as later claims of the member see them."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from claimlinc.adjudication.facts import PastLine
from claimlinc.adjudication.lines import day_of, days_supply_of, diagnoses_of, practitioner_of
from claimlinc.contract import ClaimSubmission, Decision, Line, LineDecision


def order(line: PastLine) -> tuple[date, str, int, bytes]:
    """Return what history is ordered by."""
    return line.service_date, line.claim, line.sequence, line.decision_id.bytes


def past_lines(
    decision_id: UUID, submission: ClaimSubmission, provider: UUID | None, decision: Decision
) -> Iterator[PastLine]:
    """Yield the lines of a decided claim as later claims of the member will see them."""
    decided = {line.sequence: line for line in decision.lines}
    for line in submission.lines:
        yield _past_line(decision_id, submission, provider, line, decided[line.sequence])


def _past_line(
    decision_id: UUID, submission: ClaimSubmission, provider: UUID | None, line: Line, decided: LineDecision
) -> PastLine:
    return PastLine(
        decision_id=decision_id,
        claim=submission.identifier.value,
        claim_system=submission.identifier.system,
        sequence=line.sequence,
        service_date=day_of(submission, line),
        provider_organization_id=provider,
        codes=line.codes,
        benefit=decided.benefit,
        quantity=line.quantity,
        outcome=decided.outcome,
        body_site=line.body_site,
        surfaces=line.surfaces,
        practitioner=practitioner_of(submission, line),
        diagnoses=diagnoses_of(submission, line),
        days_supply=days_supply_of(submission, line),
    )
