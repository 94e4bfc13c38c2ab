"""Keyed management of a payer's products, policies, members, contracts and prices."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

import asyncpg

from authlinc.contract import FindOrganization, OrganizationInfo
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.ids import new_id, show
from policylinc import writes
from policylinc.changes.applying import apply_change, apply_parts
from policylinc.changes.change import Part, Surroundings
from policylinc.changes.checks import faults_of
from policylinc.changes.documents import product_document
from policylinc.changes.planning import benefit_columns, ordered, plan_change
from policylinc.changes.queries import product
from policylinc.changes.references import References
from policylinc.changes.sets import BENEFITS
from policylinc.changes.versions import Ownership, compare, read_versions
from policylinc.checks import (
    contract_faults,
    fault,
    member_faults,
    policy_faults,
    price_faults,
    refuse,
)
from policylinc.contract import CoverStatus, MemberEnrolled
from policylinc.drafts import BenefitDraft, ContractDraft, MemberDraft, PolicyDraft, PriceDraft, ProductDraft
from policylinc.errors import NoSuchProduct, NumberTaken, OverlappingVersions, PolicyNotFound
from policylinc.queries import class_of_product, contract_of_code, person_of_number, policies_by_number
from policylinc.records import ClassRow, MemberRow, PolicyRow

# The field that a constraint speaks of.
_OVERLAPS = {
    "benefit_overlap": "effective_from",
    "member_overlap": "member_number",
    "member_person": "member_number",
    "contract_overlap": "effective_from",
    "price_overlap": "effective_from",
}
_TAKEN = {"product_code": "code", "contract_code": "code", "policy_number": "policy_number"}


async def create_product(ctx: Context, payer: UUID, draft: ProductDraft) -> None:
    """Make a product with its classes and their benefits; a network that nobody listed is open to all."""
    refuse(faults_of(draft))
    document = product_document(draft)
    async with _changing(ctx, payer) as tx:
        if await product(tx, payer, draft.code):
            raise _taken("code")
        where = Surroundings(payer, ctx.clock.now(), today(ctx.clock), References({}))
        change = await plan_change(tx, where, document)
        await apply_change(tx, change, Ownership(payer, draft.effective_from, None), where.today)


async def add_benefits(
    ctx: Context,
    payer: UUID,
    of: tuple[str, str],
    benefits: Sequence[BenefitDraft],
    effective_from: date,
    *,
    supersede: bool = False,
) -> None:
    """Add versions of benefits to a (product, class); `supersede` ends those that hold on the day before."""
    refuse(faults_of(tuple(benefits), "benefits"))
    async with _changing(ctx, payer) as tx:
        row = await _class(tx, payer, of, effective_from)
        wanted = {f"{row.policy_class}/{one.benefit}": ordered(one) for one in benefits}
        held = [one for one in await read_versions(tx, BENEFITS, payer, row.product_id) if one.key in wanted]
        # In the eyes of whoever keys a past, every version may be taken back that began after it.
        plan = compare(BENEFITS, held, wanted, effective_from, effective_from)
        if plan.overlaps or (any(step.before for step in plan.steps) and not supersede):
            detail, detail_ar = OverlappingVersions.title, OverlappingVersions.title_ar
            raise OverlappingVersions(errors=[fault("effective_from", "overlap", detail, detail_ar)])
        part = Part(plan, benefit_columns(of[0], row.product_id))
        await apply_parts(tx, [part], Ownership(payer, effective_from, None), effective_from)
        tx.audit(
            "benefits.added",
            "product",
            str(row.product_id),
            organization_id=payer,
            detail={
                "class": row.policy_class,
                "from": str(effective_from),
                "benefits": ",".join(b.benefit for b in benefits),
            },
        )


async def create_policy(ctx: Context, payer: UUID, draft: PolicyDraft) -> UUID:
    """Make a policy of a product's class; raises NumberTaken for a number that the payer has."""
    refuse(policy_faults(draft))
    async with _changing(ctx, payer) as tx:
        row = await _class(tx, payer, (draft.product, draft.policy_class), draft.effective_date)
        policy = new_policy(payer, row, draft)
        if not await writes.insert_policy(policy, draft.holder, ctx.clock.now()):
            raise _taken("policy_number")
        tx.audit("policy.created", "policy", show("POL", policy.id), organization_id=payer)
    return policy.id


async def set_policy_status(ctx: Context, payer: UUID, policy_number: str, status: CoverStatus) -> None:
    """Activate, suspend or end a policy."""
    async with _changing(ctx, payer) as tx:
        policy = await _policy(tx, payer, policy_number)
        await writes.set_status(policy, status)
        detail = {"from": policy.status, "to": status.value}
        tx.audit("policy.status_set", "policy", show("POL", policy.id), organization_id=payer, detail=detail)


async def enrol_member(ctx: Context, payer: UUID, draft: MemberDraft) -> UUID:
    """Enrol a member in a policy; raises OverlappingVersions where the number covers somebody on these days."""
    refuse(member_faults(draft))
    async with _changing(ctx, payer) as tx:
        policy = await _policy(tx, payer, draft.policy_number)
        member_id = new_id()
        member = MemberRow(
            organization_id=payer,
            id=member_id,
            policy_id=policy.id,
            person_id=await person_of_number(tx, payer, draft.member_number) or member_id,
            member_number=draft.member_number,
            effective_from=draft.effective_from or policy.effective_date,
            effective_to=draft.effective_to or policy.expiry_date,
            enrolled_by_simulator=False,
        )
        refuse(_outside(policy, member))
        await writes.insert_member(member, draft.name.strip(), (draft.birth_date, draft.gender), ctx.clock.now())
        await writes.insert_identifiers(ctx.vault, member, draft.identifiers)
        announce(tx, member)
    return member.id


async def create_contract(ctx: Context, payer: UUID, draft: ContractDraft) -> UUID:
    """Make a contract with a provider, or the one for every provider without their own."""
    refuse(contract_faults(draft))
    provider = None
    if draft.provider:
        provider = (await ctx.call(FindOrganization(draft.provider), OrganizationInfo)).organization_id
        if provider is None:
            refuse([fault("provider", "unknown", "No provider has this reference", "لا يوجد مقدم خدمة بهذا المرجع")])
    async with _changing(ctx, payer) as tx:
        contract_id = await writes.insert_contract(payer, draft, provider, ctx.clock.now())
        tx.audit("contract.created", "contract", str(contract_id), organization_id=payer, detail={"code": draft.code})
    return contract_id


async def set_price(ctx: Context, payer: UUID, draft: PriceDraft) -> UUID:
    """Agree a price from a day on."""
    refuse(price_faults(draft))
    async with _changing(ctx, payer) as tx:
        contract_id = await contract_of_code(payer, draft.contract)
        if contract_id is None:
            raise Invalid(errors=[fault("contract", "unknown", "No contract has this code", "لا يوجد عقد بهذا الرمز")])
        price_id = await writes.insert_price(payer, contract_id, draft)
        tx.audit("price.set", "price", str(price_id), organization_id=payer, detail={"code": draft.code})
    return price_id


def new_policy(payer: UUID, row: ClassRow, draft: PolicyDraft) -> PolicyRow:
    """Return the row of a new policy; what the draft leaves open is the class's."""
    return PolicyRow(
        organization_id=payer,
        id=new_id(),
        product_id=row.product_id,
        product=row.product,
        policy_type="",
        policy_number=draft.policy_number,
        policy_class=row.policy_class,
        network=row.network if draft.network is None else draft.network,
        status=draft.status.value,
        effective_date=draft.effective_date,
        expiry_date=draft.expiry_date,
        annual_limit=row.annual_limit if draft.annual_limit is None else draft.annual_limit,
        deductible=row.deductible if draft.deductible is None else draft.deductible,
    )


def announce(tx: Transaction, member: MemberRow) -> None:
    """Publish and audit an enrolment."""
    payer = member.organization_id
    tx.publish(MemberEnrolled(member.id, member.policy_id, payer), aggregate=member.id, organization_id=payer)
    detail = {"by": "simulator"} if member.enrolled_by_simulator else {}
    tx.audit(
        "member.enrolled", "member", show("MBR", member.id), organization_id=payer, patient=member.id, detail=detail
    )


@asynccontextmanager
async def _changing(ctx: Context, payer: UUID) -> AsyncIterator[Transaction]:
    """Open a transaction in a payer's scope that the caller has; word what its constraints refuse."""
    if ctx.principal.kind != "service" and payer not in ctx.principal.organizations:
        raise NotFound
    try:
        async with ctx.transaction(frozenset({payer})) as tx:
            yield tx
    except asyncpg.ExclusionViolationError as violated:
        field = _OVERLAPS.get(str(violated.constraint_name), "effective_from")
        detail, detail_ar = OverlappingVersions.title, OverlappingVersions.title_ar
        raise OverlappingVersions(errors=[fault(field, "overlap", detail, detail_ar)]) from None
    except asyncpg.UniqueViolationError as violated:
        if str(violated.constraint_name) not in _TAKEN:
            raise
        raise _taken(_TAKEN[str(violated.constraint_name)]) from None


async def _class(tx: Transaction, payer: UUID, of: tuple[str, str], day: date) -> ClassRow:
    row = await class_of_product(tx, payer, of, day)
    if row is None:
        detail, detail_ar = NoSuchProduct.title, NoSuchProduct.title_ar
        raise NoSuchProduct(errors=[fault("product", "unknown", detail, detail_ar)])
    return row


async def _policy(tx: Transaction, payer: UUID, policy_number: str) -> PolicyRow:
    found = await policies_by_number(tx, [payer], policy_number)
    if not found:
        raise PolicyNotFound
    return found[0]


def _outside(policy: PolicyRow, member: MemberRow) -> list[FieldError]:
    words = "The days lie outside of the policy's", "الأيام خارج مدة الوثيقة"
    faults = []
    if not policy.effective_date <= member.effective_from <= policy.expiry_date:
        faults.append(fault("effective_from", "range", *words))
    if not member.effective_from <= member.effective_to <= policy.expiry_date:
        faults.append(fault("effective_to", "range", *words))
    return faults


def _taken(field: str) -> NumberTaken:
    return NumberTaken(errors=[fault(field, "taken", NumberTaken.title, NumberTaken.title_ar)])
