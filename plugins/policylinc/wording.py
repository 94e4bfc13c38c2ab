"""What is said about cover, in English and Arabic."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from policylinc.classification import Benefit
from policylinc.contract import CoverStatus
from policylinc.records import MemberRow, PolicyRow, cover_dates


class Words(NamedTuple):
    """One sentence in both languages."""

    en: str
    ar: str


def no_payer() -> Words:
    """Say that there is nobody to ask."""
    return Words(
        "No payer that you may ask has this licence or policy.", "لا توجد جهة دافعة متاحة لك بهذا الترخيص أو الوثيقة."
    )


def no_member() -> Words:
    """Say that nobody matches."""
    return Words(
        "The payer knows no member by this number or these identifiers.",
        "لا يوجد لدى الجهة الدافعة مستفيد بهذا الرقم أو هذه المعرفات.",
    )


def several_payers() -> Words:
    """Say that more than one payer insures the person."""
    return Words(
        "More than one payer insures this person: name the payer or the policy.",
        "هذا الشخص مؤمن له لدى أكثر من جهة دافعة: حدد الجهة الدافعة أو الوثيقة.",
    )


def other_identifiers(member: MemberRow) -> Words:
    """Say that the number is known and the identifiers are others."""
    return Words(
        f"Member {member.member_number} is enrolled with other identifiers than the message names.",
        f"المستفيد {member.member_number} مسجل بمعرفات غير المذكورة في الرسالة.",
    )


def cover_not_active(policy: PolicyRow, member: MemberRow | None, status: CoverStatus, day: date) -> Words:
    """Say why there is no cover on a day."""
    if status is CoverStatus.SUSPENDED:
        return Words(f"Policy {policy.policy_number} is suspended.", f"الوثيقة {policy.policy_number} موقوفة.")
    first, last = cover_dates(policy, member)
    if first <= day <= last:
        return Words(f"Policy {policy.policy_number} is not active.", f"الوثيقة {policy.policy_number} غير سارية.")
    return Words(
        f"Policy {policy.policy_number} covers from {first} to {last}, not {day}.",
        f"تسري التغطية بموجب الوثيقة {policy.policy_number} من {first} إلى {last} ولا تشمل {day}.",
    )


def unknown_policy(policy_number: str) -> Words:
    """Say that no policy has this number."""
    return Words(f"No policy has the number {policy_number}.", f"لا توجد وثيقة برقم {policy_number}.")


def ambiguous_policy(policy_number: str) -> Words:
    """Say that several payers use the number."""
    return Words(
        f"More than one payer has a policy {policy_number}, and the patient is a member of none that is known.",
        f"يوجد لدى أكثر من جهة دافعة وثيقة برقم {policy_number}، والمريض ليس مستفيداً معروفاً في أي منها.",
    )


def not_a_member(policy_number: str) -> Words:
    """Say that the patient is insured under another policy."""
    return Words(
        f"The patient is not a member of policy {policy_number}.",
        f"المريض ليس من المستفيدين في الوثيقة {policy_number}.",
    )


def member_unknown() -> Words:
    """Say that the patient could not be matched."""
    return Words(
        "The patient could not be matched to a member: earlier use is not counted here.",
        "تعذرت مطابقة المريض مع أحد المستفيدين، لذا لم يُحتسب الاستخدام السابق.",
    )


def code_unknown(benefit: Benefit) -> Words:
    """Say that the code has no shape that is known."""
    return Words(
        f"The service code is not recognised; it was taken for {benefit.title.lower()}.",
        f"رمز الخدمة غير معروف، وقد احتُسب ضمن {benefit.title_ar}.",
    )


def covered(policy: PolicyRow, benefit: Benefit, amount: Decimal, patient: Decimal) -> Words:
    """Say that the service is covered, and who pays what."""
    return Words(
        f"Policy {policy.policy_number} covers {benefit.title.lower()}:"
        f" of {amount:.2f} SAR the patient pays {patient:.2f} SAR.",
        f"تغطي الوثيقة {policy.policy_number} {benefit.title_ar}:"
        f" من أصل {amount:.2f} ريال يدفع المريض {patient:.2f} ريال.",
    )


def not_covered(policy: PolicyRow, benefit: Benefit) -> Words:
    """Say that the class does not grant the benefit."""
    return Words(
        f"Class {policy.policy_class} of policy {policy.policy_number} does not cover {benefit.title.lower()}.",
        f"لا تغطي الفئة {policy.policy_class} من الوثيقة {policy.policy_number} {benefit.title_ar}.",
    )


def exhausted(limit: Decimal) -> Words:
    """Say that nothing is left of a limit."""
    return Words(
        f"The limit of {limit:.2f} SAR for this policy year is used up.",
        f"استُنفد الحد البالغ {limit:.2f} ريال لسنة الوثيقة.",
    )


def copay(percent: Decimal, cap: Decimal | None) -> Words:
    """Say how the co-payment is made up."""
    share = f"{percent.normalize():f}"
    if cap is None:
        return Words(f"The co-payment is {share} %.", f"نسبة التحمل {share}٪.")
    return Words(
        f"The co-payment is {share} %, at most {cap:.2f} SAR a visit.",
        f"نسبة التحمل {share}٪ وبحد أقصى {cap:.2f} ريال للزيارة.",
    )


def limit_left(benefit: Benefit, limit: Decimal, left: Decimal) -> Words:
    """Say what is left of a benefit's limit."""
    return Words(
        f"{benefit.title}: {left:.2f} of {limit:.2f} SAR are left this policy year.",
        f"{benefit.title_ar}: المتبقي {left:.2f} من {limit:.2f} ريال في سنة الوثيقة.",
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


def authorization_always(benefit: Benefit) -> Words:
    """Say that the benefit needs an approval."""
    return Words(
        f"{benefit.title} needs the payer's prior approval, except in an emergency.",
        f"تتطلب {benefit.title_ar} موافقة مسبقة من الجهة الدافعة، عدا الحالات الطارئة.",
    )


def authorization_above(limit: Decimal) -> Words:
    """Say above which amount an approval is needed."""
    return Words(
        f"Above {limit:.2f} SAR the payer's prior approval is needed, except in an emergency.",
        f"ما يزيد على {limit:.2f} ريال يتطلب موافقة مسبقة من الجهة الدافعة، عدا الحالات الطارئة.",
    )
