"""What is checked of keyed drafts before the database sees them; every fault is listed, not only the first."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from masterlinc.errors import FieldError, Invalid
from masterlinc.identity import PERSON_SYSTEMS, identifier_is_valid
from masterlinc.text import clean, clean_identifier
from policylinc.drafts import ContractDraft, MemberDraft, PolicyDraft, PriceDraft

_MOST = Decimal(10) ** 12
CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}", re.ASCII)
TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,39}", re.ASCII)
CLASS = re.compile(r"[A-Z][A-Z0-9+]{0,9}", re.ASCII)
BENEFIT = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,39}\*?", re.ASCII)
PROVIDER_CLASS = re.compile(r"[A-Z][A-Z0-9+_]{0,19}", re.ASCII)
GENDERS = frozenset({"male", "female", "other", "unknown"})


def refuse(faults: Iterable[FieldError]) -> None:
    """Raise Invalid with all faults, where there are some."""
    found = tuple(faults)
    if found:
        raise Invalid(errors=found)


def policy_faults(draft: PolicyDraft) -> Iterator[FieldError]:
    """Find the faults of a policy."""
    yield from number("policy_number", draft.policy_number)
    yield from text("holder", draft.holder)
    yield from order("expiry_date", draft.effective_date, draft.expiry_date)
    yield from amount("annual_limit", draft.annual_limit)
    yield from amount("deductible", draft.deductible)


def member_faults(draft: MemberDraft) -> Iterator[FieldError]:
    """Find the faults of a keyed member; a message's identifiers are stored as sent instead."""
    yield from number("member_number", draft.member_number)
    yield from text("name", draft.name)
    if draft.gender is not None and draft.gender not in GENDERS:
        yield fault("gender", "choice", "The gender is not one of NPHIES's", "الجنس ليس من القيم المعتمدة")
    if draft.effective_from and draft.effective_to:
        yield from order("effective_to", draft.effective_from, draft.effective_to)
    for index, one in enumerate(draft.identifiers):
        if one.system not in PERSON_SYSTEMS:
            yield fault(f"identifiers[{index}].system", "choice", "This system is not known", "نظام المعرف غير معروف")
        elif not identifier_is_valid(one.system, one.value):
            yield fault(f"identifiers[{index}].value", "identifier", "The number is not valid", "الرقم غير صحيح")


def contract_faults(draft: ContractDraft) -> Iterator[FieldError]:
    """Find the faults of a contract."""
    yield from number("code", draft.code)
    yield from percent("percent_of_billed", draft.percent_of_billed)
    yield from order("effective_to", draft.effective_from, draft.effective_to)


def price_faults(draft: PriceDraft) -> Iterator[FieldError]:
    """Find the faults of a price."""
    yield from text("system", draft.system)
    yield from number("code", draft.code)
    yield from amount("amount", draft.amount)
    yield from order("effective_to", draft.effective_from, draft.effective_to)


def patterns(path: str, codes: Iterable[str]) -> Iterator[FieldError]:
    """Find the faults of patterns of codes; see `contract.fits`."""
    for index, one in enumerate(codes):
        low, dots, high = one.partition("..")
        ordered = not dots or (len(low) == len(high) and low <= high)
        if not _PATTERN.fullmatch(one) or not ordered:
            yield fault(
                f"{path}[{index}]",
                "pattern",
                "A code (16500-00-00), the beginning of codes (16*) or a range (16500..16636) is expected",
                "المتوقع رمز (16500-00-00) أو بداية رموز (16*) أو مدى متساوي الطول (16500..16636)",
            )


def whole(path: str, value: int | None, bounds: tuple[int, int]) -> Iterator[FieldError]:
    """Find that a whole number is out of bounds."""
    least, most = bounds
    if value is not None and not least <= value <= most:
        yield fault(
            path, "range", f"A whole number from {least} to {most} is expected", f"المتوقع عدد من {least} إلى {most}"
        )


def amount(path: str, value: Decimal | None) -> Iterator[FieldError]:
    """Find that an amount is none, or below zero."""
    if value is None:
        return
    if not value.is_finite() or not 0 <= value < _MOST or value != round(value, 2):
        yield fault(
            path,
            "amount",
            "An amount lies from 0 to 999999999999.99 with two decimals",
            "المبلغ من 0 إلى 999999999999.99 بمنزلتين عشريتين",
        )


def percent(path: str, value: Decimal) -> Iterator[FieldError]:
    """Find that a share is none, or above a hundred per cent."""
    if not value.is_finite() or not 0 <= value <= 100 or value != round(value, 2):  # noqa: PLR2004 - a hundred per cent
        yield fault(path, "percent", "A share lies from 0 to 100 per cent", "النسبة من 0 إلى 100 بالمئة")


def order(path: str, first: date, last: date | None) -> Iterator[FieldError]:
    """Find that a last day comes before a first."""
    if last is not None and last < first:
        yield fault(path, "order", f"{last} comes before {first}", f"{last} يسبق {first}")


def shape(path: str, value: str, shape: re.Pattern[str]) -> Iterator[FieldError]:
    """Find that a value is not of a form."""
    if not shape.fullmatch(value):
        yield fault(path, "format", "The value does not have the right form", "صيغة القيمة غير صحيحة")


def text(path: str, value: str) -> Iterator[FieldError]:
    """Find that a text is empty, too long, or cannot be shown."""
    try:
        clean(value, least=1, most=200)
    except ValueError:
        yield fault(path, "text", "A text of 1 to 200 visible characters is expected", "المتوقع نص من 1 إلى 200 حرف")


def number(path: str, value: str) -> Iterator[FieldError]:
    """Find that a number cannot be read or shown."""
    try:
        same = clean_identifier(value) == value
    except ValueError:
        same = False
    if not same:
        yield fault(
            path, "format", "A number of 1 to 64 visible characters is expected", "المتوقع رقم من 1 إلى 64 حرفاً"
        )


def doubles(path: str, names: list[str]) -> Iterator[FieldError]:
    """Find that a name is there twice."""
    if len(set(names)) < len(names):
        yield fault(path, "double", "The same name is there twice", "تكرر الاسم نفسه")


def fault(path: str, code: str, detail: str, detail_ar: str) -> FieldError:
    """Word a fault of a field."""
    return FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)
