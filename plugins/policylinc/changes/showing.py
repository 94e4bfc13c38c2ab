"""What holds on a day, as the document that would say it: the start of every change."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Raw, Struct

from masterlinc import wire
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound
from masterlinc.ids import show
from policylinc.changes import queries, sets
from policylinc.changes.documents import (
    Document,
    ListedProvider,
    NetworkDocument,
    PayerDocument,
    PolicyDocument,
    PriceListDocument,
    ProductDocument,
    RulesDocument,
)
from policylinc.changes.schemas import TermsInForce
from policylinc.changes.versions import VersionSet, read_versions
from policylinc.contract import CoverStatus
from policylinc.drafts import ClassDraft

_POLICY_FIELDS = (
    "policy_number",
    "product",
    "policy_class",
    "holder",
    "expiry_date",
    "annual_limit",
    "deductible",
    "network",
)


async def terms_in_force(ctx: Context, kind: str, subject: str, on: date | None) -> TermsInForce:
    """Return the document of a subject as it holds on a day; raises NotFound."""
    day = on or today(ctx.clock)
    read = _READERS.get(kind)
    if read is None:
        raise NotFound
    async with ctx.transaction(read_only=True) as tx:
        document: Document = await read(ctx, tx, subject, day)
    return TermsInForce(kind=kind, subject=subject, day=day, document=Raw(wire.encode(document)))


async def _held(ctx: Context, tx: Transaction, of: VersionSet, scope: Any, day: date) -> Sequence[tuple[str, Any]]:
    """Return the keys and contents that hold on a day."""
    held = await read_versions(tx, of, ctx.principal.organization_id, scope)
    return [
        (one.key, wire.load(bytes(one.content), of.content))
        for one in sorted(held, key=lambda one: one.key)
        if one.withdrawn_on is None
        and one.effective_from <= day
        and (one.effective_to is None or one.effective_to >= day)
    ]


async def _product(ctx: Context, tx: Transaction, subject: str, day: date) -> ProductDocument:
    found = await queries.product(tx, ctx.principal.organization_id, subject)
    if found is None:
        raise NotFound
    benefits = await _held(ctx, tx, sets.BENEFITS, found["id"], day)
    classes = [
        ClassDraft(
            policy_class=grant.policy_class,
            annual_limit=grant.annual_limit,
            deductible=grant.deductible,
            network=grant.network,
            benefits=tuple(one for key, one in benefits if key.partition("/")[0] == name),
        )
        for name, grant in await _held(ctx, tx, sets.CLASS_TERMS, found["id"], day)
    ]
    return ProductDocument(
        effective_from=day,
        code=subject,
        name=found["name"],
        name_ar=found["name_ar"],
        policy_type=found["policy_type"],
        classes=tuple(classes),
    )


async def _policy(ctx: Context, tx: Transaction, subject: str, _: date) -> PolicyDocument:
    found = await queries.policy(tx, ctx.principal.organization_id, subject)
    if found is None:
        raise NotFound
    return PolicyDocument(
        effective_from=found["effective_date"],
        status=CoverStatus(found["status"]),
        **{name: found[name] for name in _POLICY_FIELDS},
    )


async def _price_list(ctx: Context, tx: Transaction, subject: str, day: date) -> PriceListDocument:
    found = await queries.contract(tx, ctx.principal.organization_id, subject)
    if found is None:
        raise NotFound
    provider = found["provider_organization_id"]
    return PriceListDocument(
        effective_from=day,
        contract=subject,
        percent_of_billed=found["percent_of_billed"],
        provider=None if provider is None else show("ORG", provider),
        prices=_contents(await _held(ctx, tx, sets.PRICES, found["id"], day)),
    )


async def _service_rules(ctx: Context, tx: Transaction, subject: str, day: date) -> RulesDocument:
    product_id = None
    if subject:
        found = await queries.product(tx, ctx.principal.organization_id, subject)
        if found is None:
            raise NotFound
        product_id = found["id"]
    rules = _contents(await _held(ctx, tx, sets.RULES, product_id, day))
    return RulesDocument(effective_from=day, product=subject or None, rules=rules)


async def _network(ctx: Context, tx: Transaction, subject: str, day: date) -> NetworkDocument:
    found = await queries.network(tx, ctx.principal.organization_id, subject)
    if found is None:
        raise NotFound
    listed = [
        ListedProvider(
            provider=one.provider_organization_id and show("ORG", one.provider_organization_id),
            provider_class=one.provider_class,
        )
        for _, one in await _held(ctx, tx, sets.LISTINGS, subject, day)
    ]
    return NetworkDocument(
        effective_from=day, code=subject, name=found["name"], name_ar=found["name_ar"], providers=tuple(listed)
    )


async def _payer(ctx: Context, tx: Transaction, subject: str, day: date) -> PayerDocument:
    if subject:
        raise NotFound
    held = await _held(ctx, tx, sets.PAYER_TERMS, None, day)
    if not held:
        return PayerDocument(effective_from=day)  # a payer that has said nothing deals by these
    grant = held[0][1]
    administrator = grant.administrator_organization_id
    fields = {name: getattr(grant, name) for name in grant.__struct_fields__ if name != "administrator_organization_id"}
    return PayerDocument(effective_from=day, administrator=administrator and show("ORG", administrator), **fields)


def _contents(held: Sequence[tuple[str, Struct]]) -> Any:
    return tuple(one for _, one in held)


_READERS: dict[str, Any] = {
    "product": _product,
    "price_list": _price_list,
    "service_rules": _service_rules,
    "network": _network,
    "payer": _payer,
    "policy": _policy,
}
