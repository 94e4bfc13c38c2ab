"""Whether a payer's rule on services is about a line."""

from collections.abc import Iterator
from functools import lru_cache

from claimlinc.adjudication.tables import fits_any
from claimlinc.adjudication.work import ClaimWork, LineWork
from claimlinc.contract import ClaimSubmission, Line
from policylinc.contract import ServiceRule, ServiceRuleKind

_PRINCIPAL = "principal"


def rules_on(claim: ClaimWork, work: LineWork, kind: ServiceRuleKind) -> list[ServiceRule]:
    """Return the payer's rules of a kind that are about a line, in the payer's order."""
    return [rule for rule in claim.rules.get(kind, ()) if is_about(rule, claim, work)]


def is_about(rule: ServiceRule, claim: ClaimWork, work: LineWork) -> bool:
    """Say whether a line has one of the rule's codes, diagnoses and benefits; what is empty is not asked about.

    A rule on a benefit is one on its sub-benefits too.
    """
    if rule.codes and not _one_fits(rule.codes, work.codes):
        return False
    if rule.benefits and not any(name in rule.benefits for name in work.benefits):
        return False
    return not rule.diagnoses or _one_fits(rule.diagnoses, tuple(diagnoses_of(claim.submission, work.line)))


@lru_cache(maxsize=65_536)
def _one_fits(patterns: tuple[str, ...], codes: tuple[str, ...]) -> bool:
    return any(fits_any(patterns, code) for code in codes)


def diagnoses_of(submission: ClaimSubmission, line: Line) -> Iterator[str]:
    """Yield the codes of the diagnoses that a line names, or of the principal one if it names none."""
    for one in submission.diagnoses:
        named = one.sequence in line.diagnosis_sequences if line.diagnosis_sequences else one.type == _PRINCIPAL
        if named:
            yield one.code.upper()
