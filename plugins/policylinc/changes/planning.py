"""What a document would change of what is stored, and everything that speaks against it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from masterlinc.db import Transaction
from masterlinc.errors import FieldError
from masterlinc.ids import new_id
from policylinc.changes import queries, sets
from policylinc.changes.change import NEW, Change, Part, Rows, Surroundings, made_change
from policylinc.changes.documents import (
    Document,
    NetworkDocument,
    PayerDocument,
    PolicyDocument,
    PriceListDocument,
    ProductDocument,
    RulesDocument,
)
from policylinc.changes.selling import plan_policy
from policylinc.changes.versions import Columns, Plan, Step, base_of, compare, read_versions
from policylinc.checks import fault, order
from policylinc.classification import is_known
from policylinc.drafts import BenefitDraft, ClassDraft


async def plan_change(tx: Transaction, where: Surroundings, document: Document) -> Change:
    """Compare a document with what is stored."""
    return await _PLANNERS[type(document)](tx, where, document)


async def _product(tx: Transaction, where: Surroundings, document: ProductDocument) -> Change:
    found = await queries.product(tx, where.payer, document.code)
    product_id = found["id"] if found else new_id()
    rows: list[tuple[str, tuple[Mapping[str, Any], ...]]] = []
    if found is None:
        rows.append(("policylinc.product", ({**_product_row(where, document), "id": product_id},)))
    known = await queries.classes(tx, where.payer, product_id)
    made = [one.policy_class for one in document.classes if one.policy_class not in known]
    key = {"organization_id": where.payer, "product_id": product_id}
    rows.append(("policylinc.product_class", tuple({**key, "policy_class": name} for name in made)))
    named = {one.policy_class for one in document.classes}
    grants = {one.policy_class: _grant(one) for one in document.classes}
    benefits = {
        f"{one.policy_class}/{benefit.benefit}": ordered(benefit)
        for one in document.classes
        for benefit in one.benefits
    }
    held = await read_versions(tx, sets.CLASS_TERMS, where.payer, product_id)
    granted = await read_versions(tx, sets.BENEFITS, where.payer, product_id)
    day = document.effective_from
    terms = compare(sets.CLASS_TERMS, [one for one in held if one.key in named], grants, day, where.today)
    of_classes = [one for one in granted if one.key.partition("/")[0] in named]
    plan = compare(sets.BENEFITS, of_classes, benefits, day, where.today)
    faults = [
        *(_differs(found, document) if found else ()),
        *await _unknown_networks(tx, where, document),
        *_overlaps(terms, plan),
    ]

    parts = (Part(terms, lambda _: {"product_id": product_id}), Part(plan, benefit_columns(document.code, product_id)))
    base = base_of([*held, *granted]) if found else NEW
    return made_change(where, document, faults, parts, base=base, held=[*held, *granted], rows=tuple(rows))


def benefit_columns(product: str, product_id: UUID) -> Columns:
    """Return what a benefit's row holds besides the benefit."""

    def columns(step: Step) -> dict[str, Any]:
        policy_class, _, benefit = step.key.partition("/")
        rule_id = f"{product}-{policy_class}.{benefit}"
        return {"product_id": product_id, "policy_class": policy_class, "rule_id": rule_id}

    return columns


def ordered(draft: BenefitDraft) -> BenefitDraft:
    """Return a benefit with its limits and co-pays in the order in which they are read."""
    copays = sorted(
        draft.copays,
        key=lambda one: (one.provider_class is not None, one.provider_class or "", _rank(one.in_network)),
    )
    limits = sorted(draft.limits, key=lambda one: (one.kind.value, one.per.value))
    return replace(draft, limits=tuple(limits), copays=tuple(copays))


def _rank(flag: bool | None) -> int:
    return 0 if flag is None else 1 + flag


async def _price_list(tx: Transaction, where: Surroundings, document: PriceListDocument) -> Change:
    found = await queries.contract(tx, where.payer, document.contract)
    provider = where.references.organization(document.provider)
    contract_id = found["id"] if found else new_id()
    rows: Rows = ()
    ends = None
    if found is None:
        rows = (("policylinc.contract", (_contract_row(where, document, contract_id, provider),)),)
        ends = await queries.contract_before(tx, where.payer, provider, document.effective_from)
    held = await read_versions(tx, sets.PRICES, where.payer, contract_id)
    wanted = {f"{one.system} {one.code}": one for one in document.prices}
    plan = compare(sets.PRICES, held, wanted, document.effective_from, where.today)
    faults = [*_contract_faults(found, document, provider), *_overlaps(plan)]
    base = base_of(held) if found else NEW
    part = Part(plan, lambda _: {"contract_id": contract_id})
    change = made_change(where, document, faults, (part,), base=base, held=held, rows=rows)
    return change._replace(ends_contract=ends)


def _contract_faults(found: Any, document: PriceListDocument, provider: UUID | None) -> Iterator[FieldError]:
    share = document.percent_of_billed
    if found is None:
        if share is None:
            yield fault("percent_of_billed", "missing", "A new contract says this", "هذا الحقل مطلوب للعقد الجديد")
        return
    words = "The contract says otherwise: make a new one", "العقد القائم يختلف عن ذلك: أنشئ عقداً جديداً"
    if share is not None and share != found["percent_of_billed"]:
        yield fault("percent_of_billed", "fixed", *words)
    if document.provider is not None and provider != found["provider_organization_id"]:
        yield fault("provider", "fixed", *words)
    yield from order("effective_from", found["effective_from"], document.effective_from)
    yield from order("effective_from", document.effective_from, found["effective_to"])


async def _service_rules(tx: Transaction, where: Surroundings, document: RulesDocument) -> Change:
    product_id, classes, faults = None, frozenset[str](), list[FieldError]()
    if document.product is not None:
        found = await queries.product(tx, where.payer, document.product)
        if found is None:
            faults.append(fault("product", "unknown", "No product has this code", "لا يوجد منتج بهذا الرمز"))
        else:
            product_id = found["id"]
            classes = await queries.classes(tx, where.payer, product_id)
    own = await queries.benefit_names(tx, where.payer)
    for index, one in enumerate(document.rules):
        if one.policy_class is not None and product_id and one.policy_class not in classes:
            words = "The product has no such class", "لا توجد فئة بهذا الاسم في المنتج"
            faults.append(fault(f"rules[{index}].policy_class", "unknown", *words))
        for place, benefit in enumerate(one.benefits):
            if not is_known(benefit) and benefit not in own:
                words = "There is no such benefit", "لا توجد منفعة بهذا الاسم"
                faults.append(fault(f"rules[{index}].benefits[{place}]", "unknown", *words))
    held = await read_versions(tx, sets.RULES, where.payer, product_id)
    wanted = {f"{one.policy_class or ''}/{one.rule}": one for one in document.rules}
    plan = compare(sets.RULES, held, wanted, document.effective_from, where.today)
    part = Part(plan, lambda step: {"product_id": product_id, "times": getattr(step.after, "count", None)})
    return made_change(where, document, [*faults, *_overlaps(plan)], (part,), base=base_of(held), held=held)


async def _network(tx: Transaction, where: Surroundings, document: NetworkDocument) -> Change:
    found = await queries.network(tx, where.payer, document.code)
    listed = [
        sets.Listing(where.references.organization(one.provider), one.provider_class) for one in document.providers
    ]
    wanted: dict[str, sets.Listing] = {}
    faults = []
    for index, one in enumerate(listed):
        key = str(one.provider_organization_id or "*")
        if key in wanted:
            words = "The provider is there twice", "تكرر مقدم الخدمة"
            faults.append(fault(f"providers[{index}].provider", "double", *words))
        wanted[key] = one
    held = await read_versions(tx, sets.LISTINGS, where.payer, document.code)
    plan = compare(sets.LISTINGS, held, wanted, document.effective_from, where.today)
    names = {"name": document.name, "name_ar": document.name_ar}
    row = {"organization_id": where.payer, "code": document.code, **names}
    rows = () if found else (("policylinc.network", (row,)),)
    if found and (found["name"], found["name_ar"]) != (document.name, document.name_ar):
        faults.append(_fixed("name"))
    part = Part(plan, lambda _: {"network": document.code})
    base = base_of(held) if found else NEW
    return made_change(where, document, [*faults, *_overlaps(plan)], (part,), base=base, held=held, rows=rows)


async def _payer(tx: Transaction, where: Surroundings, document: PayerDocument) -> Change:
    held = await read_versions(tx, sets.PAYER_TERMS, where.payer, None)
    wanted = {"": sets.payer_grant(document, where.references.organization(document.administrator))}
    plan = compare(sets.PAYER_TERMS, held, wanted, document.effective_from, where.today)
    part = Part(plan, lambda _: {})
    return made_change(where, document, list(_overlaps(plan)), (part,), base=base_of(held), held=held)


def _overlaps(*plans: Plan) -> Iterator[FieldError]:
    for key, began in sorted({one for plan in plans for one in plan.overlaps}):
        yield fault(
            "effective_from",
            "overlap",
            f"A version that began on {began} holds already: {key or 'the payer'}. Choose a day after today",
            f"يوجد إصدار سارٍ بدأ في {began}: {key or 'الجهة الدافعة'}. اختر يوماً بعد اليوم",
        )


def _product_row(where: Surroundings, document: ProductDocument) -> dict[str, Any]:
    return {
        "organization_id": where.payer,
        "code": document.code,
        "name": document.name,
        "name_ar": document.name_ar,
        "policy_type": document.policy_type,
        "created_at": where.now,
    }


def _contract_row(
    where: Surroundings, document: PriceListDocument, contract_id: UUID, provider: UUID | None
) -> dict[str, Any]:
    return {
        "organization_id": where.payer,
        "id": contract_id,
        "code": document.contract,
        "provider_organization_id": provider,
        "percent_of_billed": document.percent_of_billed,
        "effective_from": document.effective_from,
        "effective_to": None,
        "created_at": where.now,
    }


def _grant(draft: ClassDraft) -> sets.ClassGrant:
    return sets.ClassGrant(draft.policy_class, draft.annual_limit, draft.deductible, draft.network)


def _differs(found: Any, document: ProductDocument) -> Iterator[FieldError]:
    for field in ("name", "name_ar", "policy_type"):
        if found[field] != getattr(document, field):
            yield _fixed(field)


def _fixed(field: str) -> FieldError:
    return fault(field, "fixed", "This does not change with the terms", "لا يتغير هذا الحقل مع الشروط")


async def _unknown_networks(tx: Transaction, where: Surroundings, document: ProductDocument) -> Sequence[FieldError]:
    known = await queries.networks(tx, where.payer, [one.network for one in document.classes])
    return [
        fault(f"classes[{index}].network", "unknown", "No network has this code", "لا توجد شبكة بهذا الرمز")
        for index, one in enumerate(document.classes)
        if one.network and one.network not in known
    ]


_Planner = Callable[[Transaction, Surroundings, Any], Awaitable[Change]]
_PLANNERS: dict[type[Document], _Planner] = {
    ProductDocument: _product,
    PriceListDocument: _price_list,
    RulesDocument: _service_rules,
    NetworkDocument: _network,
    PayerDocument: _payer,
    PolicyDocument: plan_policy,
}
