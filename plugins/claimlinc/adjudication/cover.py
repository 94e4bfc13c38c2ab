"""Whether the member was covered on the day of the service."""

from datetime import date

from claimlinc.adjudication.emergencies import EMERGENCY_RULES
from claimlinc.adjudication.facts import Facts
from claimlinc.adjudication.work import Case, ClaimRule, ClaimWork, Finding, LineWork, Rule, Stage, told
from claimlinc.contract import ClaimSubmission, Outcome
from policylinc.contract import CoverStatus


def _enrolment(_: ClaimSubmission, facts: Facts, __: date) -> Finding | None:
    """Say so where the member is known only because the demo's simulator enrolled them."""
    terms = facts.terms
    if terms is None or not (facts.enrolled_by_simulator or terms.enrolled_by_simulator):
        return None
    return Finding("enrolled-by-simulator", {"product": terms.product}, "enrolled-by-simulator")


def _found(submission: ClaimSubmission, facts: Facts, day: date) -> Finding:
    """Find the member by the numbers of the claim; where nobody is known by them, every line is rejected."""
    terms = facts.terms
    if terms is None:
        inputs = {"service_date": told(day), "policy_number": submission.cover.policy_number or ""}
        return Finding("not-found", inputs, "not-found")
    inputs = {
        "policy_number": terms.policy_number,
        "policy_class": terms.policy_class,
        "product": terms.product,
        "contract": terms.contract,
        "terms_version": terms.version,
    }
    return Finding("found", inputs, "found")


def _period(claim: ClaimWork, work: LineWork) -> Finding:
    """Hold the line's own day against the policy's first and last day; one without a day is of the claim's day."""
    terms, day = claim.terms, work.day
    inputs = {
        "service_date": told(day),
        "effective_date": told(terms.effective_date),
        "expiry_date": told(terms.expiry_date),
        "policy_number": terms.policy_number,
    }
    if day < terms.effective_date:
        return Finding("before", inputs, "before")
    if day > terms.expiry_date:
        return Finding("after", inputs, "after")
    return Finding("within", inputs, "within")


def _status(claim: ClaimWork, work: LineWork) -> Finding:
    """Ask whether the cover is active on the day by which the claim is judged."""
    terms, status = claim.terms, claim.terms.status
    inputs = {"status": status, "policy_number": terms.policy_number, "service_date": told(work.day)}
    return Finding(status, inputs, status)


def _birth(claim: ClaimWork, work: LineWork) -> Finding:
    """Hold the date of birth, where the claim names one, against the line's day."""
    born = claim.submission.subject.birth_date
    inputs = {"birth_date": told(born) if born else "", "service_date": told(work.day)}
    if born is None:
        return Finding("unknown", inputs, "unknown")
    found = "after-service" if born > work.day else "ok"
    return Finding(found, inputs, found)


def _network(claim: ClaimWork, _: LineWork) -> Finding:
    """Ask whether the provider is of the policy's network.

    An emergency is a claim of sub-type `emr`, or with an encounter of class `EMER`.
    """
    terms = claim.terms
    inputs = {"network": terms.network, "policy_number": terms.policy_number}
    if terms.in_network:
        return Finding("inside" if terms.network else "any", inputs, "inside")
    return Finding("emergency" if claim.is_emergency else "outside", inputs, "outside")


CLAIM_RULES: tuple[ClaimRule, ...] = (
    ClaimRule(
        "enrolment",
        "1",
        Stage.CLAIM,
        "The simulator enrolled the member",
        "سجّل المحاكي المستفيد",
        "The demo's simulator; it never happens elsewhere.",
        {
            "enrolled-by-simulator": Case(
                "The payer did not know this member; the simulator enrolled them in the demo product {product}.",
                "لم يكن المستفيد معروفاً لدى الجهة الدافعة، فسجله المحاكي في المنتج التجريبي {product}.",
            )
        },
        _enrolment,
    ),
    ClaimRule(
        "cover-found",
        "1",
        Stage.CLAIM,
        "The payer knows the member",
        "المستفيد معروف لدى الجهة الدافعة",
        "The payer's members.",
        {
            "found": Case(
                "The member is insured under policy {policy_number}, class {policy_class}.",
                "المستفيد مؤمن له بموجب الوثيقة {policy_number}، الفئة {policy_class}.",
            ),
            "not-found": Case(
                "The payer knows no member by these identifiers on {service_date}.",
                "لا يوجد لدى الجهة الدافعة مستفيد بهذه المعرفات في {service_date}.",
                Outcome.REJECTED,
                "CV-2-1",
            ),
        },
        _found,
    ),
    *EMERGENCY_RULES,
)

_NOT_ACTIVE = Case(
    "The cover under policy {policy_number} is {status} on {service_date}.",
    "التغطية بموجب الوثيقة {policy_number} {status} في {service_date}.",
    Outcome.REJECTED,
    "CV-2-1",
)

COVER_RULES = (
    Rule(
        "cover-period",
        "1",
        Stage.ELIGIBILITY,
        "The service falls within the policy's dates",
        "تقع الخدمة ضمن فترة الوثيقة",
        "The policy's dates.",
        {
            "within": Case(
                "Policy {policy_number} runs from {effective_date} to {expiry_date}: {service_date} lies within.",
                "تسري الوثيقة {policy_number} من {effective_date} إلى {expiry_date} ويقع {service_date} ضمنها.",
            ),
            "before": Case(
                "The service of {service_date} came before policy {policy_number} began on {effective_date}.",
                "قُدمت الخدمة في {service_date} قبل بدء الوثيقة {policy_number} في {effective_date}.",
                Outcome.REJECTED,
                "AD-2-3",
            ),
            "after": Case(
                "The service of {service_date} came after policy {policy_number} ended on {expiry_date}.",
                "قُدمت الخدمة في {service_date} بعد انتهاء الوثيقة {policy_number} في {expiry_date}.",
                Outcome.REJECTED,
                "CV-2-1",
            ),
        },
        _period,
        of_day=True,
    ),
    Rule(
        "cover-status",
        "1",
        Stage.ELIGIBILITY,
        "The cover is active on the service date",
        "التغطية سارية في تاريخ الخدمة",
        "The policy's status, by day.",
        {
            CoverStatus.ACTIVE.value: Case(*_NOT_ACTIVE[:2]),
            CoverStatus.INACTIVE.value: _NOT_ACTIVE,
            CoverStatus.SUSPENDED.value: _NOT_ACTIVE,
        },
        _status,
        of_day=True,
    ),
    Rule(
        "birth-date",
        "1",
        Stage.ELIGIBILITY,
        "The patient was born by the service date",
        "ولد المريض في تاريخ الخدمة أو قبله",
        "The date of birth in the claim.",
        {
            "ok": Case(
                "The patient was born on {birth_date}, not after the service of {service_date}.",
                "تاريخ ميلاد المريض {birth_date} لا يلي تاريخ الخدمة {service_date}.",
            ),
            "unknown": Case("The claim names no date of birth.", "لا تذكر المطالبة تاريخ الميلاد."),
            "after-service": Case(
                "The patient was born on {birth_date}, after the service of {service_date}.",
                "تاريخ ميلاد المريض {birth_date} لاحق لتاريخ الخدمة {service_date}.",
                Outcome.REJECTED,
                "AD-2-1",
            ),
        },
        _birth,
        of_day=True,
    ),
    Rule(
        "network",
        "1",
        Stage.ELIGIBILITY,
        "The provider belongs to the policy's network, or it is an emergency",
        "مقدم الخدمة ضمن شبكة الوثيقة أو الحالة طارئة",
        "The policy's network; chi.gov.sa (2018): emergencies outside of it are paid.",
        {
            "inside": Case(
                "The provider belongs to network {network} of policy {policy_number}.",
                "مقدم الخدمة ضمن الشبكة {network} للوثيقة {policy_number}.",
            ),
            "any": Case(
                "Policy {policy_number} names no network of providers.",
                "لا تحدد الوثيقة {policy_number} شبكة لمقدمي الخدمة.",
            ),
            "emergency": Case(
                "The provider is outside the network of policy {policy_number}, but it was an emergency.",
                "مقدم الخدمة خارج شبكة الوثيقة {policy_number} لكن الحالة طارئة.",
            ),
            "outside": Case(
                "The provider is outside the network of policy {policy_number}, and it was no emergency.",
                "مقدم الخدمة خارج شبكة الوثيقة {policy_number} والحالة ليست طارئة.",
                Outcome.REJECTED,
                "CV-1-1",
            ),
        },
        _network,
        of_day=True,
    ),
)
