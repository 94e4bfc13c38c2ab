"""Whether the member was covered on the day of the service."""

from claimlinc.adjudication.work import ClaimWork, Finding, LineWork, Rule, Ruling, Stage
from claimlinc.contract import Outcome
from policylinc.contract import CoverStatus

_STATUS_AR = {CoverStatus.ACTIVE: "سارية", CoverStatus.INACTIVE: "غير سارية", CoverStatus.SUSPENDED: "موقوفة"}


def _period(claim: ClaimWork, work: LineWork) -> Finding:
    terms, day = claim.terms, work.day
    inputs = {
        "service_date": str(day),
        "effective_date": str(terms.effective_date),
        "expiry_date": str(terms.expiry_date),
        "policy_number": terms.policy_number,
    }
    if day < terms.effective_date:
        return Finding(
            inputs,
            "before",
            f"The service of {day} came before policy {terms.policy_number} began on {terms.effective_date}.",
            f"قُدمت الخدمة في {day} قبل بدء الوثيقة {terms.policy_number} في {terms.effective_date}.",
            Ruling(Outcome.REJECTED, "AD-2-3"),
        )
    if day > terms.expiry_date:
        return Finding(
            inputs,
            "after",
            f"The service of {day} came after policy {terms.policy_number} ended on {terms.expiry_date}.",
            f"قُدمت الخدمة في {day} بعد انتهاء الوثيقة {terms.policy_number} في {terms.expiry_date}.",
            Ruling(Outcome.REJECTED, "CV-2-1"),
        )
    return Finding(
        inputs,
        "within",
        f"Policy {terms.policy_number} runs from {terms.effective_date} to {terms.expiry_date}: {day} lies within.",
        f"تسري الوثيقة {terms.policy_number} من {terms.effective_date} إلى {terms.expiry_date} ويقع {day} ضمنها.",
    )


def _status(claim: ClaimWork, work: LineWork) -> Finding:
    terms = claim.terms
    inputs = {"status": terms.status.value, "policy_number": terms.policy_number, "service_date": str(work.day)}
    if terms.status is CoverStatus.ACTIVE:
        return Finding(
            inputs,
            "active",
            f"The cover under policy {terms.policy_number} is active on {work.day}.",
            f"التغطية بموجب الوثيقة {terms.policy_number} سارية في {work.day}.",
        )
    return Finding(
        inputs,
        terms.status.value,
        f"The cover under policy {terms.policy_number} is {terms.status.value} on {work.day}.",
        f"التغطية بموجب الوثيقة {terms.policy_number} {_STATUS_AR[terms.status]} في {work.day}.",
        Ruling(Outcome.REJECTED, "CV-2-1"),
    )


def _birth(claim: ClaimWork, work: LineWork) -> Finding:
    born = claim.submission.subject.birth_date
    inputs = {"birth_date": str(born) if born else "", "service_date": str(work.day)}
    if born and born > work.day:
        return Finding(
            inputs,
            "after-service",
            f"The patient was born on {born}, after the service of {work.day}.",
            f"تاريخ ميلاد المريض {born} لاحق لتاريخ الخدمة {work.day}.",
            Ruling(Outcome.REJECTED, "AD-2-1"),
        )
    if born is None:
        return Finding(inputs, "unknown", "The claim names no date of birth.", "لا تذكر المطالبة تاريخ الميلاد.")
    return Finding(
        inputs,
        "ok",
        f"The patient was born on {born}, not after the service of {work.day}.",
        f"تاريخ ميلاد المريض {born} لا يلي تاريخ الخدمة {work.day}.",
    )


COVER_RULES = (
    Rule(
        "cover-period",
        "1",
        Stage.ELIGIBILITY,
        "The service falls within the policy's dates",
        "تقع الخدمة ضمن فترة الوثيقة",
        _period,
    ),
    Rule(
        "cover-status",
        "1",
        Stage.ELIGIBILITY,
        "The cover is active on the service date",
        "التغطية سارية في تاريخ الخدمة",
        _status,
    ),
    Rule(
        "birth-date",
        "1",
        Stage.ELIGIBILITY,
        "The patient was born by the service date",
        "ولد المريض في تاريخ الخدمة أو قبله",
        _birth,
    ),
)
