"""What is wrong with a document in itself: each part is checked on its own, so that one fault hides no other."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from masterlinc.errors import FieldError
from policylinc.changes.documents import (
    Document,
    ListedProvider,
    NetworkDocument,
    PayerDocument,
    PolicyDocument,
    PriceItem,
    PriceListDocument,
    ProductDocument,
    RuleItem,
    RulesDocument,
)
from policylinc.checks import (
    BENEFIT,
    CLASS,
    CODE,
    PROVIDER_CLASS,
    TYPE,
    amount,
    doubles,
    fault,
    number,
    order,
    patterns,
    percent,
    shape,
    text,
    whole,
)
from policylinc.classification import is_known
from policylinc.contract import LimitKind, LimitPer, ServiceRuleKind
from policylinc.drafts import BenefitDraft, ClassDraft, CopayDraft, LimitDraft, ProductDraft

_RULE = re.compile(r"[a-z][a-z0-9_.-]{1,79}", re.ASCII)
_NETWORK_MOST = 64
_DAYS = 3650
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)
_CLASSES, _BENEFITS, _PRICES, _RULES, _PROVIDERS = 50, 200, 100_000, 5_000, 5_000  # of one document
_Faults = Iterator[FieldError]


def own_faults(part: Struct) -> _Faults:
    """Find the faults of a part in itself, not of the parts in it."""
    if isinstance(part, Document):
        yield from _day(part)
    check = _CHECKS.get(type(part))
    if check is not None:
        yield from check(part)


def faults_of(part: Any, path: str = "") -> _Faults:
    """Find the faults of a part and of all parts in it."""
    if isinstance(part, Struct):
        dot = f"{path}." if path else ""
        for one in own_faults(part):
            yield replace(one, path=dot + one.path)
        for field in msgspec.structs.fields(part):
            yield from faults_of(getattr(part, field.name), dot + field.name)
    elif isinstance(part, tuple):
        for index, one in enumerate(part):
            yield from faults_of(one, f"{path}[{index}]")


def _day(document: Document) -> _Faults:
    if not _FIRST <= document.effective_from <= _LAST:
        words = "A day from 1900 to 2199 is expected", "المتوقع تاريخ من 1900 إلى 2199"
        yield fault("effective_from", "range", *words)


def _few(path: str, parts: tuple[Struct, ...], most: int) -> _Faults:
    if len(parts) > most:
        yield fault(path, "length", f"There are more than {most:,} of them", f"العدد أكثر من {most:,}")


def _reference(path: str, reference: str | None) -> _Faults:
    if reference is not None:
        yield from number(path, reference)


def _limit(draft: LimitDraft) -> _Faults:
    yield from amount("value", draft.value)
    if (draft.kind, draft.per) == (LimitKind.AMOUNT, LimitPer.YEAR):
        yield fault(
            "per", "choice", "The amount of a year stands in year_limit", "يوضع الحد السنوي للمبلغ في year_limit"
        )
    if draft.kind is LimitKind.DAYS:
        if draft.per not in {LimitPer.YEAR, LimitPer.LIFETIME}:
            yield fault("per", "choice", "Days are counted a year or a lifetime", "تحسب الأيام لكل سنة أو مدى الحياة")
        if draft.value.is_finite() and draft.value != draft.value.to_integral_value():
            yield fault("value", "whole", "Days are whole", "عدد الأيام صحيح")


def _copay(draft: CopayDraft) -> _Faults:
    yield from percent("copay_percent", draft.copay_percent)
    yield from amount("copay_cap", draft.copay_cap)
    yield from _cap_per(draft.copay_cap_per)
    if draft.in_network is None and draft.provider_class is None:
        yield fault(
            "in_network",
            "empty",
            "Say for which providers: in_network, provider_class or both",
            "حدد مقدمي الخدمة: in_network أو provider_class أو كليهما",
        )
    if draft.provider_class is not None:
        yield from shape("provider_class", draft.provider_class, PROVIDER_CLASS)


def _cap_per(per: LimitPer) -> _Faults:
    if per not in {LimitPer.VISIT, LimitPer.ITEM}:
        yield fault("copay_cap_per", "choice", "A cap holds for a visit or an item", "السقف لكل زيارة أو لكل بند")


def _benefit(draft: BenefitDraft) -> _Faults:
    if not BENEFIT.fullmatch(draft.benefit):
        yield from shape("benefit", draft.benefit, BENEFIT)
    elif draft.parent is None and not is_known(draft.benefit):
        yield fault(
            "benefit",
            "unknown",
            "No claim belongs to a benefit of this name: name its parent and its codes",
            "لا توجد منفعة بهذا الاسم: حدد المنفعة الأم والرموز",
        )
    elif not is_known(draft.benefit) and not draft.codes:
        yield fault("codes", "empty", "A sub-benefit names its codes", "يجب تحديد رموز المنفعة الفرعية")
    yield from percent("copay_percent", draft.copay_percent)
    yield from amount("copay_cap", draft.copay_cap)
    yield from _cap_per(draft.copay_cap_per)
    yield from amount("year_limit", draft.year_limit)
    yield from amount("authorization_above", draft.authorization_above)
    yield from whole("waiting_days", draft.waiting_days, (0, _DAYS))
    yield from patterns("codes", draft.codes)
    yield from doubles("limits", [f"{one.kind} {one.per}" for one in draft.limits])
    yield from doubles("copays", [f"{one.in_network} {one.provider_class}" for one in draft.copays])


def _class(draft: ClassDraft) -> _Faults:
    yield from shape("policy_class", draft.policy_class, CLASS)
    yield from amount("annual_limit", draft.annual_limit)
    yield from amount("deductible", draft.deductible)
    if draft.network:
        yield from _network_code("network", draft.network)
    yield from doubles("benefits", [one.benefit for one in draft.benefits])
    yield from _few("benefits", draft.benefits, _BENEFITS)
    yield from parents(draft.benefits)


def parents(benefits: tuple[BenefitDraft, ...]) -> _Faults:
    """Find parents that are no benefit of the class, or sub-benefits themselves."""
    by_name = {one.benefit: one for one in benefits}
    for index, one in enumerate(benefits):
        parent = by_name.get(one.parent or "")
        if one.parent is not None and (parent is None or parent.parent is not None):
            yield fault(
                f"benefits[{index}].parent",
                "unknown",
                "The parent is no benefit of this class, or a sub-benefit itself",
                "المنفعة الأم ليست من منافع هذه الفئة أو أنها منفعة فرعية",
            )


def _product(draft: ProductDraft | ProductDocument) -> _Faults:
    yield from shape("code", draft.code, CODE)
    yield from shape("policy_type", draft.policy_type, TYPE)
    yield from text("name", draft.name)
    yield from text("name_ar", draft.name_ar)
    yield from doubles("classes", [one.policy_class for one in draft.classes])
    yield from _few("classes", draft.classes, _CLASSES)


def _price(item: PriceItem) -> _Faults:
    yield from text("system", item.system)
    yield from number("code", item.code)
    yield from amount("amount", item.amount)


def _price_list(document: PriceListDocument) -> _Faults:
    yield from number("contract", document.contract)
    yield from _few("prices", document.prices, _PRICES)
    yield from _reference("provider", document.provider)
    if document.percent_of_billed is not None:
        yield from percent("percent_of_billed", document.percent_of_billed)
    first: dict[tuple[str, str], int] = {}
    for index, one in enumerate(document.prices):
        if first.setdefault((one.system, one.code), index) != index:
            yield fault(f"prices[{index}].code", "double", "This code has a price already", "لهذا الرمز سعر سابق")


def _rule(item: RuleItem) -> _Faults:
    yield from shape("rule", item.rule, _RULE)
    yield from text("text", item.text)
    yield from text("text_ar", item.text_ar)
    yield from patterns("codes", item.codes)
    yield from patterns("diagnoses", item.diagnoses)
    yield from patterns("includes", item.includes)
    yield from amount("above", item.above)
    yield from whole("days", item.days, (1, 36_500))
    yield from whole("count", item.count, (0, 10_000))
    yield from whole("min_age", item.min_age, (0, 150))
    yield from whole("max_age", item.max_age, (0, 150))
    if item.sex is not None and item.sex not in {"male", "female"}:
        yield fault("sex", "choice", "The sex is male or female", "الجنس male أو female")
    if item.min_age is not None and item.max_age is not None and item.max_age < item.min_age:
        yield fault("max_age", "order", "The last age comes before the first", "العمر الأعلى أقل من العمر الأدنى")
    yield from _rule_says(item)


def _rule_says(item: RuleItem) -> _Faults:
    """Find what a rule of its kind must say, and what it cannot."""
    lacks: dict[ServiceRuleKind, tuple[tuple[str, bool], ...]] = {
        ServiceRuleKind.WAITING: (("days", item.days is None),),
        ServiceRuleKind.FREQUENCY: (("days", item.days is None), ("count", item.count is None)),
        ServiceRuleKind.AGE: (("min_age", item.min_age is None and item.max_age is None),),
        ServiceRuleKind.SEX: (("sex", item.sex is None),),
        ServiceRuleKind.DIAGNOSIS: (("codes", not item.codes), ("diagnoses", not item.diagnoses)),
        ServiceRuleKind.PACKAGE: (("codes", not item.codes), ("includes", not item.includes)),
    }
    for field, missing in lacks.get(item.kind, ()):
        if missing:
            yield fault(field, "missing", "A rule of this kind says this", "هذا الحقل مطلوب لهذا النوع من القواعد")
    if item.kind is not ServiceRuleKind.AUTHORIZATION:
        for field, given in (("above", item.above is not None), ("in_emergencies", item.in_emergencies)):
            if given:
                yield fault(
                    field, "kind", "Only an authorization rule says this", "هذا الحقل لقواعد الموافقة المسبقة فقط"
                )
    if item.kind is not ServiceRuleKind.PACKAGE and item.includes:
        yield fault("includes", "kind", "Only a package rule says this", "هذا الحقل لقواعد الحزم فقط")
    if item.kind is ServiceRuleKind.EXCLUSION and not (item.codes or item.diagnoses or item.benefits):
        yield fault(
            "codes", "empty", "An exclusion says of what", "يجب أن تحدد قاعدة الاستثناء الرموز أو التشخيصات أو المنافع"
        )


def _rules(document: RulesDocument) -> _Faults:
    yield from _few("rules", document.rules, _RULES)
    if document.product is not None:
        yield from shape("product", document.product, CODE)
    first: dict[tuple[str, str | None], int] = {}
    for index, one in enumerate(document.rules):
        if first.setdefault((one.rule, one.policy_class), index) != index:
            yield fault(f"rules[{index}].rule", "double", "The rule is there twice", "تكررت القاعدة")
        if one.policy_class is not None and document.product is None:
            yield fault(
                f"rules[{index}].policy_class",
                "missing",
                "A rule of one class names its product",
                "قاعدة الفئة الواحدة تتطلب تحديد المنتج",
            )


def _provider(item: ListedProvider) -> _Faults:
    yield from _reference("provider", item.provider)
    if item.provider_class is not None:
        yield from shape("provider_class", item.provider_class, PROVIDER_CLASS)


def _network(document: NetworkDocument) -> _Faults:
    yield from _network_code("code", document.code)
    yield from text("name", document.name)
    yield from text("name_ar", document.name_ar)
    yield from _few("providers", document.providers, _PROVIDERS)


def _network_code(path: str, code: str) -> _Faults:
    if len(code) > _NETWORK_MOST:
        yield fault(path, "length", f"A network's code has up to {_NETWORK_MOST} characters", "رمز الشبكة طويل جداً")
    yield from text(path, code)


def _payer(document: PayerDocument) -> _Faults:
    yield from _reference("administrator", document.administrator)
    yield from whole("follow_up_days", document.follow_up_days, (0, 365))
    yield from whole("filing_days", document.filing_days, (1, _DAYS))
    yield from whole("answer_minutes", document.answer_minutes, (1, 43_200))
    yield from whole("valid_days", document.valid_days, (1, _DAYS))
    yield from whole("emergency_notice_hours", document.emergency_notice_hours, (0, 8_760))
    if document.vat_percent is not None:
        yield from percent("vat_percent", document.vat_percent)


def _policy(document: PolicyDocument) -> _Faults:
    yield from number("policy_number", document.policy_number)
    yield from shape("product", document.product, CODE)
    yield from shape("policy_class", document.policy_class, CLASS)
    yield from text("holder", document.holder)
    yield from order("expiry_date", document.effective_from, document.expiry_date)
    if document.expiry_date > _LAST:
        yield fault("expiry_date", "range", "A day up to 2199 is expected", "المتوقع تاريخ حتى 2199")
    yield from amount("annual_limit", document.annual_limit)
    yield from amount("deductible", document.deductible)
    if document.network:
        yield from _network_code("network", document.network)


_CHECKS: dict[type[Struct], Callable[[Any], _Faults]] = {
    LimitDraft: _limit,
    CopayDraft: _copay,
    BenefitDraft: _benefit,
    ClassDraft: _class,
    ProductDraft: _product,
    ProductDocument: _product,
    PriceItem: _price,
    PriceListDocument: _price_list,
    RuleItem: _rule,
    RulesDocument: _rules,
    ListedProvider: _provider,
    NetworkDocument: _network,
    PayerDocument: _payer,
    PolicyDocument: _policy,
}
