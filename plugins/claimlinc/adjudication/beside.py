"""What stands beside the lines of a claim: its other lines, the member's history and the patient. Made once a claim."""

from datetime import date
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.facts import Facts, PastLine
from claimlinc.adjudication.lines import day_of, diagnoses_of, practitioner_of
from claimlinc.adjudication.others import Beside, FirstVisit, Other
from claimlinc.adjudication.past import order
from claimlinc.contract import ClaimSubmission, Coding, Line, Outcome
from policylinc.contract import Terms

_NEWBORN_DAYS = 90  # BV-00553: so long a newborn is on the mother's cover
_SEXES = ("male", "female")


def look_beside(submission: ClaimSubmission, facts: Facts, terms: Terms) -> Beside:
    """Look once at all that the edits of a claim's lines need."""
    own = [_own(submission, position, line) for position, line in enumerate(submission.lines)]
    by_code: dict[tuple[str, str], list[Other]] = {}
    for other in own:
        for coding in other.codes:
            by_code.setdefault((coding.system, coding.code), []).append(other)
    for line in facts.history:
        for coding in line.codes:
            shared = by_code.get((coding.system, coding.code))
            if shared is not None and _counts(submission, facts, line):
                shared.append(_of_past(submission, facts, line))
    sex, born = _patient(submission, terms)
    return Beside(
        own=own,
        by_code=by_code,
        sex=sex,
        born=born,
        with_details=tuple(own[place] for place, line in enumerate(submission.lines) if line.details),
        follow_ups=_follow_ups(submission, facts, own, terms.follow_up_days) if terms.follow_up_days else {},
    )


def by_day(beside: Beside, submission: ClaimSubmission, facts: Facts) -> dict[date, list[Other]]:
    """Return all lines by their day, those of the claim first."""
    if not beside.by_day:
        past = sorted((line for line in facts.history if _counts(submission, facts, line)), key=order)
        for other in (*beside.own, *(_of_past(submission, facts, line) for line in past)):
            beside.by_day.setdefault(other.day, []).append(other)
    return beside.by_day


def diagnoses(beside: Beside, submission: ClaimSubmission, line: Line) -> tuple[str, ...]:
    """Return the diagnoses of a line, read once for all lines that link the same."""
    found = beside.diagnoses.get(line.diagnosis_sequences)
    if found is None:
        found = beside.diagnoses[line.diagnosis_sequences] = diagnoses_of(submission, line)
    return found


def _counts(submission: ClaimSubmission, facts: Facts, line: PastLine) -> bool:
    """Say whether a past line counts: it was not rejected, and the claim does not correct it."""
    if line.outcome is Outcome.REJECTED:
        return False
    return line.claim not in facts.corrects or not _is_here(submission, facts, line)


def _is_here(submission: ClaimSubmission, facts: Facts, line: PastLine) -> bool:
    """Say whether a past line is of the claim's provider; those whom nobody knows are told apart by their numbers."""
    if facts.provider_organization_id is None and line.provider_organization_id is None:
        return line.claim_system == submission.identifier.system
    return line.provider_organization_id == facts.provider_organization_id


def _own(submission: ClaimSubmission, position: int, line: Line) -> Other:
    return Other(
        day_of(submission, line),
        "",
        line.sequence,
        position,
        line.codes,
        line.quantity,
        line.body_site,
        line.surfaces,
        here=True,
    )


def _of_past(submission: ClaimSubmission, facts: Facts, line: PastLine) -> Other:
    return Other(
        line.service_date,
        line.claim,
        line.sequence,
        -1,
        line.codes,
        line.quantity,
        line.body_site,
        line.surfaces,
        here=_is_here(submission, facts, line),
        is_past=True,
        benefit=line.benefit,
        practitioner=line.practitioner,
        diagnoses=line.diagnoses,
        days_supply=line.days_supply,
    )


def _patient(submission: ClaimSubmission, terms: Terms) -> tuple[str | None, date | None]:
    """Return sex and date of birth as enrolled, else as claimed; a newborn on the mother's cover is who is claimed."""
    subject = submission.subject
    claimed = subject.gender if subject.gender in _SEXES else None
    if subject.birth_date and terms.birth_date and subject.birth_date > terms.birth_date:
        age = (submission.created - subject.birth_date).days
        if age <= _NEWBORN_DAYS:
            return claimed, subject.birth_date
    return terms.sex or claimed, terms.birth_date or subject.birth_date


class _Visit(NamedTuple):
    day: date
    position: int
    practitioner: str | None
    problems: frozenset[str]
    other: Other


def _follow_ups(submission: ClaimSubmission, facts: Facts, own: list[Other], days: int) -> dict[int, FirstVisit]:
    """Find the claim's consultations that follow a paid one, or one to be paid; nothing follows a follow-up."""
    visits = [_visit(submission, other) for other in own if _is_consultation(other.codes)]
    if not visits:
        return {}
    visits += [
        _visit(submission, _of_past(submission, facts, line))
        for line in facts.history
        if _is_consultation(line.codes) and _counts(submission, facts, line) and _is_here(submission, facts, line)
    ]
    paid: list[_Visit] = []
    found: dict[int, FirstVisit] = {}
    for visit in sorted(visits, key=lambda one: (one.day, one.position, one.other.claim, one.other.sequence)):
        first = next((one for one in paid if (visit.day - one.day).days <= days and _follows(one, visit)), None)
        if not visit.other.is_past and first is not None:
            found[visit.other.sequence] = FirstVisit(first.day, first.other.claim, first.other.sequence)
        else:
            paid.append(visit)
    return found


def _visit(submission: ClaimSubmission, other: Other) -> _Visit:
    if other.is_past:
        practitioner, codes = other.practitioner, other.diagnoses
    else:
        line = submission.lines[other.position]
        practitioner, codes = practitioner_of(submission, line), diagnoses_of(submission, line)
    return _Visit(other.day, other.position, practitioner, frozenset(code[:3] for code in codes), other)


def _is_consultation(codes: tuple[Coding, ...]) -> bool:
    return any(tables.service(coding.code).consultation for coding in codes)


def _follows(first: _Visit, visit: _Visit) -> bool:
    """Say whether two visits are to one practitioner, so far as is known, for problems of one ICD category."""
    known = first.practitioner is not None and visit.practitioner is not None
    return (not known or first.practitioner == visit.practitioner) and bool(first.problems & visit.problems)
