"""All rules over one request."""

from nphieslinc.envelope import CLAIM_EVENTS, Envelope
from nphieslinc.faults import BrokenRule
from nphieslinc.rules import amounts, claims, covers, information, parties, patients
from nphieslinc.rules.rule import Finding, Rule, case_of

ALL_RULES: tuple[Rule, ...] = (
    *parties.RULES,
    *patients.RULES,
    *covers.RULES,
    *claims.RULES,
    *information.RULES,
    *amounts.RULES,
)


def check(envelope: Envelope) -> tuple[BrokenRule, ...]:
    """Return every rule that a request breaks, with its place; other events break none that is checked here."""
    if envelope.event not in CLAIM_EVENTS or envelope.focus is None:
        return ()
    case = case_of(envelope, envelope.focus)
    return tuple(_broken(rule, finding) for rule in ALL_RULES for finding in rule.find(case))


def _broken(rule: Rule, finding: Finding) -> BrokenRule:
    detail, detail_ar = rule.detail.format(**finding.values), rule.detail_ar.format(**finding.values)
    return BrokenRule(rule.id, finding.path, detail, detail_ar)
