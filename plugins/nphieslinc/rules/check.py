"""All rules over one message."""

from nphieslinc.elements import check_resource
from nphieslinc.envelope import CLAIM_EVENTS, Envelope
from nphieslinc.faults import BrokenRule
from nphieslinc.rules import amounts, claims, covers, information, parties, patients, profiles
from nphieslinc.rules.rule import Finding, Rule, case_of

BUSINESS_RULES: tuple[Rule, ...] = (
    *parties.RULES,
    *patients.RULES,
    *covers.RULES,
    *claims.RULES,
    *information.RULES,
    *amounts.RULES,
    *profiles.RULES,
)


def check(envelope: Envelope) -> tuple[BrokenRule, ...]:
    """Return every rule that a message breaks, with its place: element rules of any event, business rules of claims."""
    found = check_resource(envelope.message.tree, "Bundle")
    if envelope.event in CLAIM_EVENTS and envelope.focus is not None:
        case = case_of(envelope, envelope.focus)
        found += (_broken(rule, finding) for rule in BUSINESS_RULES for finding in rule.find(case))
    return tuple(found)


def _broken(rule: Rule, finding: Finding) -> BrokenRule:
    detail, detail_ar = rule.detail.format(**finding.values), rule.detail_ar.format(**finding.values)
    return BrokenRule(rule.id, finding.path, detail, detail_ar)
