"""A consultation again for the same problem belongs to the first one."""

from datetime import timedelta

from claimlinc.adjudication import tables
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome

_CLEAR = Finding("clear", {}, "clear")


def _follow_up(claim: ClaimWork, work: LineWork) -> Finding:
    line, first = work.line, claim.beside.follow_ups.get(work.line.sequence)
    if first is not None:
        until = first.day + timedelta(claim.terms.follow_up_days)
        inputs = {
            "service_date": str(work.day),
            "consulted_on": str(first.day),
            "follow_up_days": str(claim.terms.follow_up_days),
            "last_day": str(until),
            "other_claim": first.claim,
            "other_line": str(first.sequence),
        }
        return Finding("follow-up", inputs, "follow-up")
    if line.net:
        for coding in line.codes:
            if tables.service(coding.code).follow_up:
                return Finding("free-code", {"service": coding.code}, "free-code")
    return _CLEAR


FOLLOW_UP_RULES = (
    Rule(
        "follow-up",
        "1",
        Stage.EDIT,
        "A follow-up belongs to its first consultation",
        "زيارة المتابعة تتبع الكشف الأول",
        "NPHIES denial CV-1-9; the payer's follow-up window; follow-up codes of the Saudi Billing System.",
        {
            "clear": Case("It follows no paid consultation.", "لا تتبع هذه الخدمة كشفاً مدفوعاً."),
            "follow-up": Case(
                "The consultation of {service_date} follows that of {consulted_on} for a related problem: until"
                " {last_day}, {follow_up_days} days, it belongs to the first.",
                "كشف {service_date} متابعة لكشف {consulted_on} لحالة ذات صلة: حتى {last_day}، خلال"
                " {follow_up_days} يوماً، تشمله قيمة الكشف الأول.",
                Outcome.REJECTED,
                "CV-1-9",
            ),
            "free-code": Case(
                "Code {service} is a follow-up that the first consultation pays for: it has no price of its own.",
                "الرمز {service} زيارة متابعة تشملها قيمة الكشف الأول ولا سعر لها.",
                Outcome.REJECTED,
                "CV-1-9",
            ),
        },
        _follow_up,
    ),
)
