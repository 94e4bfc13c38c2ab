"""Whether the policy covers the service: waiting periods and exclusions."""

from datetime import date, timedelta

from claimlinc.adjudication.service_rules import rules_on
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome
from policylinc.contract import ServiceRule, ServiceRuleKind

_WAITING, _EXCLUSION = ServiceRuleKind.WAITING, ServiceRuleKind.EXCLUSION
_NONE = Finding("none", {}, "none")


def _waiting(claim: ClaimWork, work: LineWork) -> Finding:
    """Hold the longest waiting period that is about the line against the member's first day with the payer.

    The service is covered from the first day plus the waiting days on; renewals do not begin anew.
    """
    of_benefit = work.grant.waiting_days if work.grant else 0
    rules = rules_on(claim, work, _WAITING)
    longest = max(rules, key=lambda rule: rule.days or 0) if rules else None
    of_service = (longest.days or 0) if longest else 0
    if not of_benefit and not of_service:
        return _NONE
    since, rule = claim.terms.member_since, longest if of_service > of_benefit else None
    waiting = max(of_benefit, of_service)
    inputs = {"benefit": work.benefit, "waiting_days": str(waiting), "service_date": str(work.day)}
    inputs |= _named(rule)
    if since is None:
        return Finding("unknown", inputs, "unknown")
    covered_from = _after(since, waiting)
    inputs |= {"member_since": str(since), "covered_from": str(covered_from)}
    if work.day >= covered_from:
        return Finding("over", inputs, "over")
    return Finding("waits-by-rule" if rule else "waits", inputs, "waits")


def _after(since: date, days: int) -> date:
    try:
        return since + timedelta(days=days)
    except OverflowError:
        return date.max


def _exclusion(claim: ClaimWork, work: LineWork) -> Finding:
    """Find the first exclusion that is about the line.

    It is about a line that has one of its codes, one of its diagnoses and one of its benefits (or a part of one);
    what it leaves empty it does not ask about. The diagnoses are those that the line names, or the principal one if
    it names none.
    """
    rules = rules_on(claim, work, _EXCLUSION)
    if not rules:
        return _NONE
    rule = rules[0]
    of_diagnosis = rule.diagnoses and not rule.codes
    return Finding("diagnosis" if of_diagnosis else "service", _named(rule), "excluded")


def _named(rule: ServiceRule | None) -> dict[str, str]:
    if rule is None:
        return {}
    return {"rule_id": rule.id, "rule_text": rule.text, "rule_text_ar": rule.text_ar}


EXCLUSION_RULES = (
    Rule(
        "waiting-period",
        "1",
        Stage.ELIGIBILITY,
        "The member's waiting period for the service is over",
        "انتهت فترة انتظار المستفيد للخدمة",
        "The waiting days of the benefit and of its parents, and the payer's waiting rules: the longest.",
        {
            "none": Case("No waiting period is about this service.", "لا توجد فترة انتظار لهذه الخدمة."),
            "over": Case(
                "The waiting period of {waiting_days} days from {member_since} was over on {service_date}.",
                "انتهت فترة الانتظار البالغة {waiting_days} يوماً ابتداءً من {member_since} في {service_date}.",
            ),
            "waits": Case(
                "The {benefit} benefit has a waiting period of {waiting_days} days from {member_since}: it covers from"
                " {covered_from} on, and the service was on {service_date}.",
                "لمنفعة {benefit} فترة انتظار {waiting_days} يوماً من {member_since}: تبدأ التغطية في {covered_from}"
                " وكانت الخدمة في {service_date}.",
                Outcome.REJECTED,
                "CV-1-4",
            ),
            "waits-by-rule": Case(
                "{rule_text} ({rule_id}): a waiting period of {waiting_days} days from {member_since}, so it is covered"
                " from {covered_from} on, and the service was on {service_date}.",
                "{rule_text_ar} ({rule_id}): فترة انتظار {waiting_days} يوماً من {member_since}، فتبدأ التغطية في"
                " {covered_from} وكانت الخدمة في {service_date}.",
                Outcome.REJECTED,
                "CV-1-4",
            ),
            "unknown": Case(
                "A waiting period of {waiting_days} days is about this service, and it is not known since when the"
                " member is insured: the line waits.",
                "لهذه الخدمة فترة انتظار {waiting_days} يوماً، وتاريخ بدء تأمين المستفيد غير معروف: البند معلق.",
                Outcome.PENDED,
            ),
        },
        _waiting,
    ),
    Rule(
        "exclusion",
        "1",
        Stage.ELIGIBILITY,
        "The policy does not exclude the service",
        "الخدمة ليست من استثناءات الوثيقة",
        "The payer's exclusions, by service, diagnosis and benefit.",
        {
            "none": Case("No exclusion is about this service.", "لا يوجد استثناء لهذه الخدمة."),
            "service": Case(
                "The service is excluded: {rule_text} ({rule_id}).",
                "الخدمة مستثناة: {rule_text_ar} ({rule_id}).",
                Outcome.REJECTED,
                "CV-1-4",
            ),
            "diagnosis": Case(
                "The diagnosis is excluded: {rule_text} ({rule_id}).",
                "التشخيص مستثنى: {rule_text_ar} ({rule_id}).",
                Outcome.REJECTED,
                "CV-1-3",
            ),
        },
        _exclusion,
    ),
)
