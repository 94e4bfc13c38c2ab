"""Whether a payer's rule on services is about a line."""

from functools import lru_cache

from claimlinc.adjudication.tables import fits_any
from claimlinc.adjudication.work import ClaimWork, LineWork
from claimlinc.contract import ClaimSubmission, Line
from policylinc.contract import ServiceRule, ServiceRuleKind, Terms

_PRINCIPAL = "principal"


def rules_for(submission: ClaimSubmission, terms: Terms) -> dict[ServiceRuleKind, list[ServiceRule]]:
    """Return the payer's rules that may be about a line of a claim, by kind: most name codes that no line has."""
    codes = {coding.code for line in submission.lines for coding in line.codes}
    rules: dict[ServiceRuleKind, list[ServiceRule]] = {}
    for rule in terms.rules:
        named = rule.codes + rule.includes
        if not named or any(fits_any(named, code) for code in codes):
            rules.setdefault(rule.kind, []).append(rule)
    return rules


def rules_on(claim: ClaimWork, work: LineWork, kind: ServiceRuleKind) -> list[ServiceRule]:
    """Return the payer's rules of a kind that are about a line, in the payer's order."""
    rules = claim.rules.get(kind)
    return [rule for rule in rules if is_about(rule, claim, work)] if rules else []


def is_about(rule: ServiceRule, claim: ClaimWork, work: LineWork) -> bool:
    """Say whether a line has one of the rule's codes, diagnoses and benefits; what is empty is not asked about.

    A rule on a benefit is one on its sub-benefits too.
    """
    if rule.codes and not _one_fits(rule.codes, work.codes):
        return False
    if rule.benefits and not _one_is(rule.benefits, work.benefits):
        return False
    return not rule.diagnoses or _one_fits(rule.diagnoses, _diagnoses(claim, work.line))


@lru_cache(maxsize=4_096)
def _one_is(wanted: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(name in wanted for name in names)


@lru_cache(maxsize=65_536)
def _one_fits(patterns: tuple[str, ...], codes: tuple[str, ...]) -> bool:
    return any(fits_any(patterns, code) for code in codes)


def _diagnoses(claim: ClaimWork, line: Line) -> tuple[str, ...]:
    """Return the codes of the diagnoses that a line names, or of the principal one if it names none."""
    named = line.diagnosis_sequences
    if named not in claim.diagnoses:
        claim.diagnoses[named] = tuple(
            one.code.upper()
            for one in claim.submission.diagnoses
            if (one.sequence in named if named else one.type == _PRINCIPAL)
        )
    return claim.diagnoses[named]
