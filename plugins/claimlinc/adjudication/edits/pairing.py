"""Whether a diagnosis gives a reason for the service."""

from collections.abc import Iterable
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.beside import diagnoses
from claimlinc.adjudication.tables import fits_any
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome
from policylinc.contract import ServiceRule, ServiceRuleKind

_CLEAR = Finding("clear", {}, "clear")


class _Reasons(NamedTuple):
    """For which diagnoses a service is done, whoever says it."""

    rule: str
    code: str
    diagnoses: tuple[str, ...]
    payer: ServiceRule | None = None


def _pairing(claim: ClaimWork, work: LineWork) -> Finding:
    finding = _CLEAR
    for reasons in _reasons(claim, work):
        found = diagnoses(claim.beside, claim.submission, work.line)
        inputs = {"service": reasons.code, "diagnoses": " ".join(found), "rule": reasons.rule}
        if reasons.payer is not None:
            inputs |= {"rule_text": reasons.payer.text, "rule_text_ar": reasons.payer.text_ar}
        if not found:
            finding = Finding("unknown", inputs, "unknown")
        elif not any(fits_any(reasons.diagnoses, code) for code in found):
            case = "payer-inconsistent" if reasons.payer else "inconsistent"
            return Finding(case, inputs, case)
    return finding


def _reasons(claim: ClaimWork, work: LineWork) -> Iterable[_Reasons]:
    for coding in work.line.codes:
        for row in tables.service(coding.code).pairings:
            yield _Reasons(row.id, coding.code, row.diagnoses)
    for rule in claim.rules.get(ServiceRuleKind.DIAGNOSIS, ()):
        code = next((one.code for one in work.line.codes if fits_any(rule.codes, one.code)), None)
        if code is not None and rule.diagnoses and (not rule.benefits or {*rule.benefits} & {*work.benefits}):
            yield _Reasons(rule.id, code, rule.diagnoses, rule)


PAIRING_RULES = (
    Rule(
        "diagnosis-service",
        "1",
        Stage.EDIT,
        "The diagnosis gives a reason for the service",
        "التشخيص يبرر الخدمة",
        "NPHIES denial AD-1-4; the payer's rules; data/edits.toml.",
        {
            "clear": Case("No table asks for another diagnosis here.", "لا يوجد جدول يشترط تشخيصاً آخر لهذه الخدمة."),
            "unknown": Case(
                "Service {service} is done for some diagnoses only, and the claim names none.",
                "الخدمة {service} مخصصة لتشخيصات محددة ولا تذكر المطالبة أي تشخيص.",
            ),
            "inconsistent": Case(
                "Service {service} is not done for {diagnoses}.",
                "الخدمة {service} لا تتوافق مع التشخيص {diagnoses}.",
                Outcome.REJECTED,
                "AD-1-4",
            ),
            "payer-inconsistent": Case(
                "The payer does not pay service {service} for {diagnoses} ({rule_text}).",
                "لا تدفع الجهة الدافعة الخدمة {service} للتشخيص {diagnoses} ({rule_text_ar}).",
                Outcome.REJECTED,
                "AD-1-4",
            ),
        },
        _pairing,
    ),
)
