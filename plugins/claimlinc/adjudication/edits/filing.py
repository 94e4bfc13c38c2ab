"""Whether a claim came in time."""

from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage, told
from claimlinc.contract import Outcome, Use

_NO_LIMIT = Finding("no-limit", {}, "no-limit")


def _filing(claim: ClaimWork, work: LineWork) -> Finding:
    facts, allowed = claim.facts, claim.terms.filing_days
    if allowed is None or facts.received_on is None or claim.submission.use is not Use.CLAIM:
        return _NO_LIMIT
    if facts.corrects:
        return Finding("corrects", {"other_claim": facts.corrects[0]}, "corrects")
    served = work.line.service_end or work.day
    late = (facts.received_on - served).days > allowed
    inputs = {
        "service_date": told(served),
        "received_on": told(facts.received_on),
        "days": str((facts.received_on - served).days),
        "filing_days": str(allowed),
    }
    return Finding("late", inputs, "late") if late else Finding("in-time", inputs, "in-time")


FILING_RULES = (
    Rule(
        "filing-time",
        "1",
        Stage.EDIT,
        "The claim came within the days that were agreed",
        "قُدمت المطالبة خلال المهلة المتفق عليها",
        "NPHIES denial AD-2-5; the days of the payer's terms, counted from the last day of the service.",
        {
            "no-limit": Case("The payer sets no time for filing this.", "لا تحدد الجهة الدافعة مهلة لتقديم هذا الطلب."),
            "corrects": Case(
                "The claim corrects claim {other_claim}, which had its own time.",
                "تصحح المطالبة المطالبة {other_claim} التي كانت لها مهلتها.",
            ),
            "in-time": Case(
                "The claim came on {received_on}, {days} days after the service of {service_date}: {filing_days} are"
                " allowed.",
                "وردت المطالبة في {received_on} بعد {days} يوماً من الخدمة في {service_date}، والمهلة {filing_days}"
                " يوماً.",
            ),
            "late": Case(
                "The claim came on {received_on}, {days} days after the service of {service_date}: only {filing_days}"
                " are allowed.",
                "وردت المطالبة في {received_on} بعد {days} يوماً من الخدمة في {service_date}، وتجاوزت المهلة"
                " {filing_days} يوماً.",
                Outcome.REJECTED,
                "AD-2-5",
            ),
        },
        _filing,
    ),
)
