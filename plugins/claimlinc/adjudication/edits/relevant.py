"""Which of a member's past lines the edits of a claim can use: the rest is neither handed to them nor kept."""

from collections.abc import Iterable
from datetime import date

from claimlinc.adjudication import tables
from claimlinc.adjudication.facts import PastLine
from claimlinc.adjudication.lines import day_of
from claimlinc.adjudication.tables import PackageRow, fits_any, service_fits
from claimlinc.contract import ClaimSubmission, Outcome
from policylinc.contract import ServiceRule, ServiceRuleKind, Terms

LONGEST_DAYS = 366  # a line with a code of the claim is seen for a year


def window_days(terms: Terms) -> int:
    """Return over how many days the rules in force look back."""
    asked = (rule.days or 0 for rule in terms.rules if rule.kind is ServiceRuleKind.FREQUENCY)
    return max(LONGEST_DAYS, tables.LONGEST_DAYS, terms.follow_up_days, *asked)


def relevant(history: Iterable[PastLine], submission: ClaimSubmission, terms: Terms) -> tuple[PastLine, ...]:
    """Return the past lines of the claim's codes and packages, consultations, and what frequency rules count."""
    days = {day_of(submission, line) for line in submission.lines}
    codes = {(coding.system, coding.code) for line in submission.lines for coding in line.codes}
    facts = [tables.service(code) for _, code in codes]
    consults = bool(terms.follow_up_days) and any(one.consultation for one in facts)
    packages = {row for one in facts for row in (*one.part_of, *one.contains)}
    agreed = [
        rule
        for rule in terms.rules
        if rule.kind is ServiceRuleKind.PACKAGE and any(fits_any(rule.codes + rule.includes, code) for _, code in codes)
    ]
    rows = {row for one in facts for row in one.frequencies}
    asked = [rule for rule in terms.rules if rule.kind is ServiceRuleKind.FREQUENCY]
    rules = [rule for rule in asked if not rule.codes or any(fits_any(rule.codes, code) for _, code in codes)]

    def is_used(line: PastLine) -> bool:
        if line.outcome is Outcome.REJECTED:
            return False
        if any((one.system, one.code) in codes for one in line.codes):
            return True
        if line.service_date in days and any(_is_bundled(packages, agreed, one.code) for one in line.codes):
            return True
        near = consults and _is_near(line.service_date, days, terms.follow_up_days)
        if near and any(tables.service(one.code).consultation for one in line.codes):
            return True
        if any(tables.counts(row, one.code) for row in rows for one in line.codes):
            return True
        return any(_counts(rule, line, days) for rule in rules)

    return tuple(line for line in history if is_used(line))


def _is_bundled(packages: Iterable[PackageRow], agreed: Iterable[ServiceRule], code: str) -> bool:
    return any(service_fits(row.codes, code) or service_fits(row.includes, code) for row in packages) or any(
        fits_any(rule.codes + rule.includes, code) for rule in agreed
    )


def _is_near(day: date, days: Iterable[date], most: int) -> bool:
    """Say whether a visit of one of the days may follow one of that day."""
    return any(0 <= (one - day).days <= most for one in days)


def _counts(rule: ServiceRule, line: PastLine, days: Iterable[date]) -> bool:
    """Say whether a rule may count a line, in whatever benefit."""
    if rule.codes and not any(fits_any(rule.codes, one.code) for one in line.codes):
        return False
    return any(abs((one - line.service_date).days) < (rule.days or 0) for one in days)
