"""What edits read of a line: its day, diagnoses, practitioner and days of supply."""

import re
from datetime import date

from claimlinc.contract import ClaimSubmission, Line

_DAYS = re.compile(r"([1-9][0-9]{0,3})(?:\.0{1,4})?", re.ASCII)
_PRINCIPAL = "principal"
_DAYS_SUPPLY = "days-supply"


def day_of(submission: ClaimSubmission, line: Line) -> date:
    """Return the first day of a line; one without a day was served on the day of the claim."""
    return line.service_date or submission.created


def diagnoses_of(submission: ClaimSubmission, line: Line) -> tuple[str, ...]:
    """Return the ICD-10-AM codes that a line is for, the principal first; one that names none is for all."""
    linked = [one for one in submission.diagnoses if one.sequence in line.diagnosis_sequences]
    ordered = sorted(linked or submission.diagnoses, key=lambda one: (one.type != _PRINCIPAL, one.sequence))
    return tuple(one.code.strip().upper() for one in ordered)


def practitioner_of(submission: ClaimSubmission, line: Line) -> str | None:
    """Return the licence of who served a line: the first that it names, or the only one of the claim."""
    licensed = {one.sequence: one.license for one in submission.care_team if one.license}
    for sequence in line.care_team_sequences:
        if sequence in licensed:
            return licensed[sequence]
    return next(iter(licensed.values())) if len(licensed) == 1 else None


def days_supply_of(submission: ClaimSubmission, line: Line) -> int | None:
    """Return how many days a medicine lasts, as the line's own information says."""
    for one in submission.supporting_info:
        if one.category == _DAYS_SUPPLY and one.sequence in line.information_sequences:
            found = _DAYS.fullmatch(one.text or "") if one.unit in (None, "d") else None
            return int(found[1]) if found else None
    return None
