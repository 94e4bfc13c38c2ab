"""What is said about cover, in English and Arabic."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from policylinc.classification import Benefit
from policylinc.contract import CoverStatus, Terms
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


def newborn_over(days: int) -> Words:
    """Say that the time on the mother's cover is over."""
    return Words(
        f"A newborn is covered on the mother's cover for {days} days; this child is older and not enrolled.",
        f"يغطى المولود بتغطية أمه {days} يوماً، وهذا الطفل تجاوزها وليس مسجلاً.",
    )


def newborn_of_mother() -> Words:
    """Say whose cover a newborn is on."""
    return Words(
        "A newborn is on the mother's cover: name her member number.",
        "المولود مشمول بتغطية أمه: اذكر رقم عضويتها.",
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


def provider_unknown() -> Words:
    """Say that a payer asks for itself."""
    return Words(
        "No provider is named: the figures are those of one in the network without a contract of its own.",
        "لم يُحدد مقدم الخدمة: الأرقام لمقدم خدمة داخل الشبكة بلا عقد خاص.",
    )


def code_unknown(benefit: Benefit) -> Words:
    """Say that the code has no shape that is known."""
    return Words(
        f"The service code is not recognised; it was taken for {benefit.title.lower()}.",
        f"رمز الخدمة غير معروف، وقد احتُسب ضمن {benefit.title_ar}.",
    )


def covered(policy: Terms, benefit: Benefit, amount: Decimal, patient: Decimal) -> Words:
    """Say that the service is covered, and who pays what."""
    return Words(
        f"Policy {policy.policy_number} covers {benefit.title.lower()}:"
        f" of {amount:.2f} SAR the patient pays {patient:.2f} SAR.",
        f"تغطي الوثيقة {policy.policy_number} {benefit.title_ar}:"
        f" من أصل {amount:.2f} ريال يدفع المريض {patient:.2f} ريال.",
    )


def not_covered(policy: Terms, benefit: Benefit) -> Words:
    """Say that the class does not grant the benefit."""
    return Words(
        f"Class {policy.policy_class} of policy {policy.policy_number} does not cover {benefit.title.lower()}.",
        f"لا تغطي الفئة {policy.policy_class} من الوثيقة {policy.policy_number} {benefit.title_ar}.",
    )


def outside_network(policy: Terms) -> Words:
    """Say that the provider is none of the policy's."""
    return Words(
        f"The provider is outside the network of policy {policy.policy_number}, which covers emergencies alone there.",
        f"مقدم الخدمة خارج شبكة الوثيقة {policy.policy_number} التي لا تغطي خارجها إلا الحالات الطارئة.",
    )


def waits(benefit: Benefit, covered_from: date, days: int) -> Words:
    """Say that the waiting period is not over."""
    return Words(
        f"{benefit.title} is covered after {days} days of membership: from {covered_from} on.",
        f"تبدأ تغطية {benefit.title_ar} بعد {days} يوماً من العضوية: من {covered_from}.",
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
