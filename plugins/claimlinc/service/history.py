"""A member's history with a payer: written with each decision on a claim, read under the member's lock for the next."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from claimlinc import queries, writes
from claimlinc.adjudication.decision import service_days
from claimlinc.adjudication.edits.relevant import relevant, window_days
from claimlinc.adjudication.facts import PastLine
from claimlinc.adjudication.past import order, past_lines
from claimlinc.contract import Coding, DecidedSubmission, DecideSubmission, Outcome, Use
from claimlinc.corrections import corrects
from masterlinc.db.transaction import Transaction
from policylinc.contract import Terms

MOST_LINES = 5_000  # the nearest ones


async def load_history(tx: Transaction, request: DecideSubmission, terms: Terms) -> tuple[PastLine, ...]:
    """Return what the edits can use of the member's lines, but for this very claim's; the member must be locked."""
    submission, window = request.submission, timedelta(window_days(terms))
    first, last = service_days(submission)
    rows = await queries.past_lines(
        tx,
        terms.payer_organization_id,
        _person(terms),
        (first - window, first, last + window),
        (request.provider_organization_id, submission.identifier.system, submission.identifier.value),
        MOST_LINES,
    )
    return relevant(sorted((_past_line(row) for row in rows), key=order), submission, terms)


async def load_corrected(tx: Transaction, request: DecideSubmission) -> tuple[str, ...]:
    """Return the numbers of the provider's claims that the payer decided and this one corrects."""
    submission, found = request.submission, []
    for related in corrects(submission):
        decided = await queries.decision_of(
            tx,
            request.payer_organization_id,
            submission.provider_license or "",
            related.identifier.system,
            related.identifier.value,
            request.provider_organization_id,
        )
        if decided is not None:
            found.append(related.identifier.value)
    return tuple(found)


async def append_history(tx: Transaction, request: DecideSubmission, terms: Terms, decided: DecidedSubmission) -> None:
    """Append the lines of a decision on a claim; a pre-authorization serves nothing."""
    submission = request.submission
    if submission.use is Use.CLAIM:
        lines = past_lines(decided.decision_id, submission, request.provider_organization_id, decided.decision)
        await writes.append_past_lines(tx, [_row(terms, line) for line in lines])


async def withdraw_decision(tx: Transaction, payer: UUID, decision_id: UUID, reason: str, at: Any) -> None:
    """Take a decision out of the member's history: it was cancelled, or another takes its place; once is enough."""
    await writes.append_withdrawn(tx, (payer, decision_id, reason, at))


def _person(terms: Terms) -> UUID:
    """Return whom history is kept of: the member, over renewals."""
    return terms.person_id or terms.member_id


def _row(terms: Terms, line: PastLine) -> tuple[Any, ...]:
    return (
        terms.payer_organization_id,
        line.decision_id,
        line.sequence,
        _person(terms),
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
