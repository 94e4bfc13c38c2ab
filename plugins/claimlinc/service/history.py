"""A member's history with a payer: written with each decision on a claim, read under the member's lock for the next."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from claimlinc import queries, writes
from claimlinc.adjudication.decision import service_days
from claimlinc.adjudication.edits.lines import past_lines
from claimlinc.adjudication.facts import PastLine
from claimlinc.contract import Coding, DecidedSubmission, DecideSubmission, Outcome, Use
from masterlinc.db.transaction import Transaction
from policylinc.contract import Terms

WINDOW = timedelta(days=366)  # before the first and after the last day of service
MOST_LINES = 5_000  # the nearest ones; nobody has more in two years


async def load_history(tx: Transaction, request: DecideSubmission, terms: Terms) -> tuple[PastLine, ...]:
    """Return the member's lines in the window, but for those of this very claim; the member must be locked."""
    submission = request.submission
    first, last = service_days(submission)
    rows = await queries.past_lines(
        tx,
        terms.payer_organization_id,
        terms.member_id,
        (first - WINDOW, first, last + WINDOW),
        (request.provider_organization_id, submission.identifier.system, submission.identifier.value),
        MOST_LINES,
    )
    return tuple(sorted((_past_line(row) for row in rows), key=order))


def order(line: PastLine) -> tuple[Any, ...]:
    """Return what history is ordered by."""
    return line.service_date, line.claim, line.sequence, line.decision_id.bytes


async def append_history(tx: Transaction, request: DecideSubmission, terms: Terms, decided: DecidedSubmission) -> None:
    """Append the lines of a decision on a claim; a pre-authorization serves nothing."""
    submission = request.submission
    if submission.use is Use.CLAIM:
        lines = past_lines(decided.decision_id, submission, request.provider_organization_id, decided.decision)
        await writes.append_past_lines(tx, [_row(terms, line) for line in lines])


async def withdraw_decision(tx: Transaction, payer: UUID, decision_id: UUID, reason: str, at: Any) -> None:
    """Take a decision out of the member's history: it was cancelled, or another takes its place; once is enough."""
    await writes.append_withdrawn(tx, (payer, decision_id, reason, at))


def _row(terms: Terms, line: PastLine) -> tuple[Any, ...]:
    return (
        terms.payer_organization_id,
        line.decision_id,
        line.sequence,
        terms.member_id,
        line.service_date,
        line.provider_organization_id,
        line.claim_system,
        line.claim,
        [one.system for one in line.codes],
        [one.code for one in line.codes],
        line.benefit,
        line.quantity,
        line.outcome.value,
        line.body_site,
        list(line.surfaces),
        line.practitioner,
        list(line.diagnoses),
        line.days_supply,
    )


def _past_line(row: Any) -> PastLine:
    return PastLine(
        decision_id=row["decision_id"],
        claim=row["claim"],
        claim_system=row["claim_system"],
        sequence=row["sequence"],
        service_date=row["service_date"],
        provider_organization_id=row["provider_organization_id"],
        codes=tuple(map(Coding, row["systems"], row["codes"])),
        benefit=row["benefit"],
        quantity=row["quantity"],
        outcome=Outcome(row["outcome"]),
        body_site=row["body_site"],
        surfaces=tuple(row["surfaces"]),
        practitioner=row["practitioner"],
        diagnoses=tuple(row["diagnoses"]),
        days_supply=row["days_supply"],
    )
