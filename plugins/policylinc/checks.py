"""What is checked of keyed drafts before the database sees them; every fault is listed, not only the first."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from masterlinc.errors import FieldError, Invalid
from masterlinc.identity import PERSON_SYSTEMS, identifier_is_valid
from masterlinc.text import clean, clean_identifier
from policylinc.drafts import (
    BenefitDraft,
    ClassDraft,
    ContractDraft,
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
