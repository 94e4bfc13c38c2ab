"""What is said about figures: co-payments, deductibles and limits, in English and Arabic."""

from decimal import Decimal

from policylinc.classification import Benefit
from policylinc.contract import LimitKind, LimitPer
from policylinc.wording import Words


def exhausted(left: Words) -> Words:
    """Say that nothing is left of a limit, after the words on what is left of it."""
    return Words(f"Nothing is left of a limit. {left.en}", f"استُنفد الحد. {left.ar}")


def contract_price(allowed: Decimal) -> Words:
    """Say that the contract allows less than the amount."""
    return Words(
        f"The contract with the provider allows {allowed:.2f} SAR.",
        f"يسمح العقد مع مقدم الخدمة بمبلغ {allowed:.2f} ريال.",
    )


def no_contract_price() -> Words:
    """Say that nothing is agreed on the price."""
    return Words(
        "No contract says what is allowed for this service: this is an estimate on the amount as named.",
        "لا يوجد عقد يحدد المبلغ المسموح به لهذه الخدمة: هذا تقدير على المبلغ المذكور.",
    )


def copay(percent: Decimal, cap: Decimal | None, per: LimitPer = LimitPer.VISIT) -> Words:
    """Say how the co-payment is made up."""
    share = f"{percent.normalize():f}"
    if cap is None:
        return Words(f"The co-payment is {share} %.", f"نسبة التحمل {share}٪.")
    of, of_ar = ("an item", "للبند") if per is LimitPer.ITEM else ("a visit", "للزيارة")
    return Words(
        f"The co-payment is {share} %, at most {cap:.2f} SAR {of}.",
        f"نسبة التحمل {share}٪ وبحد أقصى {cap:.2f} ريال {of_ar}.",
    )


_UNITS = {
    LimitKind.AMOUNT: ("SAR", "ريال"),
    LimitKind.COUNT: ("units", "وحدة"),
    LimitKind.DAYS: ("days", "يوماً"),
}
_PERIODS = {
    LimitPer.YEAR: ("this policy year", "في سنة الوثيقة"),
    LimitPer.LIFETIME: ("for a lifetime", "مدى الحياة"),
    LimitPer.VISIT: ("a visit", "للزيارة"),
    LimitPer.ITEM: ("an item", "للبند"),
}


def limit_left(benefit: Benefit, of: tuple[LimitKind, LimitPer], value: Decimal, left: Decimal) -> Words:
    """Say what is left of a benefit's limit; `of` is what it counts, and over what."""
    kind, per = of
    (unit, unit_ar), (period, period_ar) = _UNITS[kind], _PERIODS[per]
    whole, rest = (f"{one:.2f}" if kind is LimitKind.AMOUNT else f"{one.normalize():f}" for one in (value, left))
    if per in (LimitPer.VISIT, LimitPer.ITEM):
        return Words(
            f"{benefit.title}: at most {whole} {unit} {period}.",
            f"{benefit.title_ar}: بحد أقصى {whole} {unit_ar} {period_ar}.",
        )
    return Words(
        f"{benefit.title}: {rest} of {whole} {unit} are left {period}.",
        f"{benefit.title_ar}: المتبقي {rest} من {whole} {unit_ar} {period_ar}.",
    )


def annual_left(left: Decimal) -> Words:
    """Say what is left of the policy's limit."""
    return Words(
        f"Only {left:.2f} SAR of the annual limit are left.",
        f"المتبقي من الحد السنوي {left:.2f} ريال فقط.",
    )


def deductible(left: Decimal) -> Words:
    """Say what the patient pays first."""
    return Words(
        f"The patient pays the first {left:.2f} SAR of this policy year.",
        f"يدفع المريض أول {left:.2f} ريال في سنة الوثيقة.",
    )
