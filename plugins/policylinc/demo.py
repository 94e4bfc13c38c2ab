"""The demo's products, group policies, members and contracts."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from masterlinc.agent import DemoPerson, DemoPlan
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.identity import check_saudi_id, system_of
from policylinc.changes.documents import (
    Document,
    ListedProvider,
    NetworkDocument,
    PayerDocument,
    PriceItem,
    PriceListDocument,
    product_document,
)
from policylinc.changes.importing import import_documents
from policylinc.changes.reading import Read, Source
from policylinc.contract import PersonIdentifier
from policylinc.drafts import MemberDraft, PolicyDraft, ProductDraft
from policylinc.packages import package_codes, package_payer, package_product
from policylinc.queries import payers
from policylinc.service import create_policy, enrol_member

_ASKING = 2  # the place in DEMO_PAYERS of the one that asks for an authorization of every stay
_NETWORKS_AR = {
    "Network A": "شبكة أ",
    "Network B": "شبكة ب",
    "Network C": "شبكة ج",
    "Every network": "جميع الشبكات",
}
_SINCE = date(2020, 1, 1)  # older than the oldest message of the exchange's samples
_SERVICES = "http://nphies.sa/terminology/CodeSystem/services"
_PROCEDURES = "http://nphies.sa/terminology/CodeSystem/procedures"
# Made-up prices, before tax, that every payer has agreed with the first provider.
_PRICES = ((_SERVICES, "83600-00-10", "180.00"), (_PROCEDURES, "38618-00-00", "14500.00"))


async def demo(ctx: Context, plan: DemoPlan) -> None:
    """Make each payer's part that is not there yet, whole or not at all."""
    for number, license_ in enumerate(DEMO_PAYERS):
        payer = (await ctx.call(FindOrganization(license_), OrganizationInfo)).organization_id
        assert payer is not None, "authlinc makes the payers before"
        insured = [person for person in plan.people if person.payer == number]
        async with ctx.transaction(frozenset({payer})) as tx:
            if payer not in await payers(tx):
                await _payer(ctx, payer, insured, stays_are_asked=number == _ASKING)
    plan.tell(f"{len(DEMO_PAYERS)} payers, {len(plan.people)} members")


async def _payer(ctx: Context, payer: UUID, insured: Iterable[DemoPerson], *, stays_are_asked: bool) -> None:
    products = [package_product(code, _SINCE) for code in package_codes()]
    if not stays_are_asked:
        products = [_trusting(product) for product in products]
    documents: list[Document] = [
        _dealing(),
        *_networks(products),
        *(product_document(product) for product in products),
        *_contracts(),
    ]
    await import_documents(ctx, payer, Read([Source(one) for one in documents], ()))
    made: set[str] = set()
    for person in insured:
        if person.policy_number not in made:
            made.add(person.policy_number)
            await create_policy(ctx, payer, _policy(person, products, today(ctx.clock).year))
        await enrol_member(ctx, payer, _member(person))


def _dealing() -> PayerDocument:
    """Return the published terms, but for filing and tax: the exchange's samples are old, and some round their tax."""
    return replace(package_payer(_SINCE), filing_days=None, vat_percent=None)


def _trusting(product: ProductDraft) -> ProductDraft:
    """Ask for no authorization of stays: the demo shows stays that are paid, and at the other payer what is missing."""
    classes = [
        replace(one, benefits=tuple(replace(benefit, authorization_required=False) for benefit in one.benefits))
        for one in product.classes
    ]
    return replace(product, classes=tuple(classes))


def _networks(products: Iterable[ProductDraft]) -> Iterator[NetworkDocument]:
    """Every provider is in every network: the first one as a hospital."""
    for name in sorted({one.network for product in products for one in product.classes}):
        listed = (ListedProvider(), ListedProvider(provider=DEMO_PROVIDERS[0], provider_class="HOSPITAL"))
        yield NetworkDocument(effective_from=_SINCE, code=name, name=name, name_ar=_NETWORKS_AR[name], providers=listed)


def _contracts() -> tuple[PriceListDocument, ...]:
    """Every provider is paid what it bills; the first one has agreed prices and a rebate on the rest."""
    prices = tuple(PriceItem(system=system, code=code, amount=Decimal(amount)) for system, code, amount in _PRICES)
    return (
        PriceListDocument(effective_from=_SINCE, contract="OPEN", percent_of_billed=Decimal(100), prices=()),
        PriceListDocument(
            effective_from=_SINCE,
            contract="NETWORK-1",
            percent_of_billed=Decimal(95),
            provider=DEMO_PROVIDERS[0],
            prices=prices,
        ),
    )


def _policy(person: DemoPerson, products: list[ProductDraft], year: int) -> PolicyDraft:
    granted = {one.policy_class: product.code for product in products for one in product.classes}
    return PolicyDraft(
        policy_number=person.policy_number,
        product=granted[person.policy_class],
        policy_class=person.policy_class,
        holder=f"Demo Trading Company {person.payer + 1}",
        effective_date=date(year - 1, 1, 1),
        expiry_date=date(year + 1, 12, 31),
    )


def _member(person: DemoPerson) -> MemberDraft:
    kind = check_saudi_id(person.identifier)
    assert kind is not None, "demo people have valid numbers"
    return MemberDraft(
        policy_number=person.policy_number,
        member_number=person.member_number,
        name=person.name,
        birth_date=person.birth_date,
        gender=person.gender,
        identifiers=(PersonIdentifier(system_of(kind), person.identifier),),
    )
