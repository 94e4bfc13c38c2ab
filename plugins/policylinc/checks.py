"""What is checked of keyed drafts before the database sees them; every fault is listed, not only the first."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from masterlinc.errors import FieldError, Invalid
from masterlinc.identity import PERSON_SYSTEMS, identifier_is_valid
from masterlinc.text import clean, clean_identifier
from policylinc.contract import LimitKind, LimitPer
from policylinc.drafts import (
    BenefitDraft,
    ClassDraft,
    ContractDraft,
    CopayDraft,
    LimitDraft,
    MemberDraft,
    PolicyDraft,
    PriceDraft,
    ProductDraft,
)

_MOST = Decimal(10) ** 12
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,39}", re.ASCII)
_CLASS = re.compile(r"[A-Z][A-Z0-9+]{0,9}", re.ASCII)
_BENEFIT = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,39}\*?", re.ASCII)
PROVIDER_CLASS = re.compile(r"[A-Z][A-Z0-9+_]{0,19}", re.ASCII)
GENDERS = frozenset({"male", "female", "other", "unknown"})


def refuse(faults: Iterable[FieldError]) -> None:
    """Raise Invalid with all faults, where there are some."""
    found = tuple(faults)
    if found:
        raise Invalid(errors=found)


def product_faults(draft: ProductDraft) -> Iterator[FieldError]:
    """Find the faults of a product."""
    yield from _shape("code", draft.code, _CODE)
    yield from _shape("policy_type", draft.policy_type, _TYPE)
    yield from _text("name", draft.name)
    yield from _text("name_ar", draft.name_ar)
    yield from _doubles("classes", [one.policy_class for one in draft.classes])
    for index, one in enumerate(draft.classes):
        yield from _class_faults(f"classes[{index}].", one)


def benefit_faults(drafts: Iterable[BenefitDraft], path: str = "") -> Iterator[FieldError]:
    """Find the faults of benefits."""
    drafts = list(drafts)
    yield from _doubles(f"{path}benefits", [one.benefit for one in drafts])
    for index, one in enumerate(drafts):
        at = f"{path}benefits[{index}]."
        yield from _shape(f"{at}benefit", one.benefit, _BENEFIT)
        yield from _percent(f"{at}copay_percent", one.copay_percent)
        yield from _amount(f"{at}copay_cap", one.copay_cap)
        yield from _amount(f"{at}year_limit", one.year_limit)
        yield from _amount(f"{at}authorization_above", one.authorization_above)
        yield from _cap_per(f"{at}copay_cap_per", one.copay_cap_per)
        yield from _whole(f"{at}waiting_days", one.waiting_days, (0, 3650))
        yield from patterns(f"{at}codes", one.codes)
        yield from _limit_faults(at, one.limits)
        yield from _copay_faults(at, one.copays)
        yield from _parent(f"{at}parent", one, drafts)


def policy_faults(draft: PolicyDraft) -> Iterator[FieldError]:
    """Find the faults of a policy."""
    yield from _number("policy_number", draft.policy_number)
    yield from _text("holder", draft.holder)
    yield from _order("expiry_date", draft.effective_date, draft.expiry_date)
    yield from _amount("annual_limit", draft.annual_limit)
    yield from _amount("deductible", draft.deductible)


def member_faults(draft: MemberDraft) -> Iterator[FieldError]:
    """Find the faults of a keyed member; a message's identifiers are stored as sent instead."""
    yield from _number("member_number", draft.member_number)
    yield from _text("name", draft.name)
    if draft.gender is not None and draft.gender not in GENDERS:
        yield _fault("gender", "choice", "The gender is not one of NPHIES's", "الجنس ليس من القيم المعتمدة")
    if draft.effective_from and draft.effective_to:
        yield from _order("effective_to", draft.effective_from, draft.effective_to)
    for index, one in enumerate(draft.identifiers):
        if one.system not in PERSON_SYSTEMS:
            yield _fault(f"identifiers[{index}].system", "choice", "This system is not known", "نظام المعرف غير معروف")
        elif not identifier_is_valid(one.system, one.value):
            yield _fault(f"identifiers[{index}].value", "identifier", "The number is not valid", "الرقم غير صحيح")


def contract_faults(draft: ContractDraft) -> Iterator[FieldError]:
    """Find the faults of a contract."""
    yield from _number("code", draft.code)
    yield from _percent("percent_of_billed", draft.percent_of_billed)
    yield from _order("effective_to", draft.effective_from, draft.effective_to)


def price_faults(draft: PriceDraft) -> Iterator[FieldError]:
    """Find the faults of a price."""
    yield from _text("system", draft.system)
    yield from _number("code", draft.code)
    yield from _amount("amount", draft.amount)
    yield from _order("effective_to", draft.effective_from, draft.effective_to)


def _class_faults(path: str, draft: ClassDraft) -> Iterator[FieldError]:
    yield from _shape(f"{path}policy_class", draft.policy_class, _CLASS)
    yield from _amount(f"{path}annual_limit", draft.annual_limit)
    yield from _amount(f"{path}deductible", draft.deductible)
    yield from benefit_faults(draft.benefits, path)


def patterns(path: str, codes: Iterable[str]) -> Iterator[FieldError]:
    """Find the faults of patterns of codes; see `contract.fits`."""
    for index, one in enumerate(codes):
        low, dots, high = one.partition("..")
        ordered = not dots or (len(low) == len(high) and low <= high)
        if not _PATTERN.fullmatch(one) or not ordered:
            yield _fault(
                f"{path}[{index}]",
                "pattern",
                "A code (16500-00-00), the beginning of codes (16*) or a range (16500..16636) is expected",
                "المتوقع رمز (16500-00-00) أو بداية رموز (16*) أو مدى متساوي الطول (16500..16636)",
            )


def _parent(path: str, draft: BenefitDraft, drafts: list[BenefitDraft]) -> Iterator[FieldError]:
    """A parent is a benefit of the same class that has none itself."""
    if draft.parent is None:
        return
    parent = next((one for one in drafts if one.benefit == draft.parent), None)
    if parent is None or parent.parent is not None:
        yield _fault(
            path,
            "unknown",
            "The parent is no benefit of this class, or a sub-benefit itself",
            "المنفعة الأم ليست من منافع هذه الفئة أو أنها منفعة فرعية",
        )


def _limit_faults(path: str, drafts: tuple[LimitDraft, ...]) -> Iterator[FieldError]:
    yield from _doubles(f"{path}limits", [f"{one.kind} {one.per}" for one in drafts])
    for index, one in enumerate(drafts):
        at = f"{path}limits[{index}]."
        yield from _amount(f"{at}value", one.value)
        if (one.kind, one.per) == (LimitKind.AMOUNT, LimitPer.YEAR):
            yield _fault(
                f"{at}per",
                "choice",
                "The amount of a year stands in year_limit",
                "يوضع الحد السنوي للمبلغ في year_limit",
            )
        if one.kind is LimitKind.DAYS and one.per not in {LimitPer.YEAR, LimitPer.LIFETIME}:
            yield _fault(
                f"{at}per", "choice", "Days are counted a year or a lifetime", "تحسب الأيام لكل سنة أو مدى الحياة"
            )
        if one.kind is LimitKind.DAYS and one.value.is_finite() and one.value != one.value.to_integral_value():
            yield _fault(f"{at}value", "whole", "Days are whole", "عدد الأيام صحيح")


def _copay_faults(path: str, drafts: tuple[CopayDraft, ...]) -> Iterator[FieldError]:
    yield from _doubles(f"{path}copays", [f"{one.in_network} {one.provider_class}" for one in drafts])
    for index, one in enumerate(drafts):
        at = f"{path}copays[{index}]."
        yield from _percent(f"{at}copay_percent", one.copay_percent)
        yield from _amount(f"{at}copay_cap", one.copay_cap)
        yield from _cap_per(f"{at}copay_cap_per", one.copay_cap_per)
        if one.in_network is None and one.provider_class is None:
            yield _fault(
                f"{at}in_network",
                "empty",
                "Say for which providers: in_network, provider_class or both",
                "حدد مقدمي الخدمة: in_network أو provider_class أو كليهما",
            )
        if one.provider_class is not None:
            yield from _shape(f"{at}provider_class", one.provider_class, PROVIDER_CLASS)


def _cap_per(path: str, per: LimitPer) -> Iterator[FieldError]:
    if per not in {LimitPer.VISIT, LimitPer.ITEM}:
        yield _fault(path, "choice", "A cap holds for a visit or an item", "السقف لكل زيارة أو لكل بند")


def _whole(path: str, value: int | None, bounds: tuple[int, int]) -> Iterator[FieldError]:
    least, most = bounds
    if value is not None and not least <= value <= most:
        yield _fault(
            path, "range", f"A whole number from {least} to {most} is expected", f"المتوقع عدد من {least} إلى {most}"
        )


def _amount(path: str, value: Decimal | None) -> Iterator[FieldError]:
    if value is None:
        return
    if not value.is_finite() or not 0 <= value < _MOST or value != round(value, 2):
        yield _fault(
            path,
            "amount",
            "An amount lies from 0 to 999999999999.99 with two decimals",
            "المبلغ من 0 إلى 999999999999.99 بمنزلتين عشريتين",
        )


def _percent(path: str, value: Decimal) -> Iterator[FieldError]:
    if not value.is_finite() or not 0 <= value <= 100 or value != round(value, 2):  # noqa: PLR2004 - a hundred per cent
        yield _fault(path, "percent", "A share lies from 0 to 100 per cent", "النسبة من 0 إلى 100 بالمئة")


def _order(path: str, first: date, last: date | None) -> Iterator[FieldError]:
    if last is not None and last < first:
        yield _fault(path, "order", f"{last} comes before {first}", f"{last} يسبق {first}")


def _shape(path: str, value: str, shape: re.Pattern[str]) -> Iterator[FieldError]:
    if not shape.fullmatch(value):
        yield _fault(path, "format", "The value does not have the right form", "صيغة القيمة غير صحيحة")


def _text(path: str, value: str) -> Iterator[FieldError]:
    try:
        clean(value, least=1, most=200)
    except ValueError:
        yield _fault(path, "text", "A text of 1 to 200 visible characters is expected", "المتوقع نص من 1 إلى 200 حرف")


def _number(path: str, value: str) -> Iterator[FieldError]:
    try:
        same = clean_identifier(value) == value
    except ValueError:
        same = False
    if not same:
        yield _fault(
            path, "format", "A number of 1 to 64 visible characters is expected", "المتوقع رقم من 1 إلى 64 حرفاً"
        )


def _doubles(path: str, names: list[str]) -> Iterator[FieldError]:
    if len(set(names)) < len(names):
        yield _fault(path, "double", "The same name is there twice", "تكرر الاسم نفسه")


def _fault(path: str, code: str, detail: str, detail_ar: str) -> FieldError:
    return FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)
