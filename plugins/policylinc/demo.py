"""The demo's products, group policies, members and contracts."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from masterlinc.agent import DemoPerson, DemoPlan
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.identity import check_saudi_id, system_of
from policylinc.contract import PersonIdentifier
from policylinc.drafts import ContractDraft, MemberDraft, PolicyDraft, PriceDraft, ProductDraft
from policylinc.packages import package_codes, package_product
from policylinc.queries import payers
from policylinc.service import (
    create_contract,
    create_policy,
    create_product,
    enrol_member,
    set_price,
)

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
                await _payer(ctx, payer, insured)
    plan.tell(f"{len(DEMO_PAYERS)} payers, {len(plan.people)} members")


async def _payer(ctx: Context, payer: UUID, insured: Iterable[DemoPerson]) -> None:
    products = [package_product(code, _SINCE) for code in package_codes()]
    for product in products:
        await create_product(ctx, payer, product)
    await _contracts(ctx, payer)
    made: set[str] = set()
    for person in insured:
        if person.policy_number not in made:
            made.add(person.policy_number)
            await create_policy(ctx, payer, _policy(person, products, today(ctx.clock).year))
        await enrol_member(ctx, payer, _member(person))


async def _contracts(ctx: Context, payer: UUID) -> None:
    """Every provider is paid what it bills; the first one has agreed prices and a rebate on the rest."""
    await create_contract(ctx, payer, ContractDraft(code="OPEN", percent_of_billed=Decimal(100), effective_from=_SINCE))
    agreed = ContractDraft(
        code="NETWORK-1", percent_of_billed=Decimal(95), effective_from=_SINCE, provider=DEMO_PROVIDERS[0]
    )
    await create_contract(ctx, payer, agreed)
    for system, code, amount in _PRICES:
        price = PriceDraft(
            contract="NETWORK-1", system=system, code=code, amount=Decimal(amount), effective_from=_SINCE
        )
        await set_price(ctx, payer, price)


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
