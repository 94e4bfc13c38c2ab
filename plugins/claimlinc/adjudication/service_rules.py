"""Whether a payer's rule on services is about a line."""

from collections.abc import Iterator

from claimlinc.adjudication.tables import fits_any
from claimlinc.adjudication.work import ClaimWork, LineWork
from claimlinc.contract import ClaimSubmission, Line
from policylinc.contract import ServiceRule, ServiceRuleKind

_PRINCIPAL = "principal"


def rules_on(claim: ClaimWork, work: LineWork, kind: ServiceRuleKind) -> Iterator[ServiceRule]:
    """Yield the payer's rules of a kind that are about a line, in the payer's order."""
    for rule in claim.rules.get(kind, ()):
        if is_about(rule, claim, work):
            yield rule


def is_about(rule: ServiceRule, claim: ClaimWork, work: LineWork) -> bool:
    """Say whether a line has one of the rule's codes, diagnoses and benefits; what is empty is not asked about.

    A rule on a benefit is one on its sub-benefits too.
    """
    if rule.codes and not any(fits_any(rule.codes, coding.code) for coding in work.line.codes):
        return False
    if rule.diagnoses and not any(fits_any(rule.diagnoses, one) for one in diagnoses_of(claim.submission, work.line)):
        return False
    return not rule.benefits or any(name in rule.benefits for name in work.benefits)


def diagnoses_of(submission: ClaimSubmission, line: Line) -> Iterator[str]:
    """Yield the codes of the diagnoses that a line names, or of the principal one if it names none."""
    for one in submission.diagnoses:
        named = one.sequence in line.diagnosis_sequences if line.diagnosis_sequences else one.type == _PRINCIPAL
        if named:
            yield one.code.upper()
