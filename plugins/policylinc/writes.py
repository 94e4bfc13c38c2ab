"""Inserts and updates, on the open transaction; constraints are the truth, and the service words what they refuse."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from masterlinc.db import Transaction
from masterlinc.identity import identifier_is_valid
from masterlinc.ids import new_id
from masterlinc.sealing import Vault
from policylinc.contract import CoverStatus, PersonIdentifier
from policylinc.drafts import BenefitDraft, ClassDraft, ContractDraft, CopayDraft, LimitDraft, PriceDraft, ProductDraft
from policylinc.persons import blind, seal
from policylinc.records import MemberRow, PolicyRow
from policylinc.tables import (
    Benefit,
    BenefitCopay,
    BenefitLimit,
    ClassTerms,
    Contract,
    Member,
    MemberIdentifier,
    Policy,
    Price,
    Product,
    ProductClass,
)


async def insert_product(payer: UUID, draft: ProductDraft, now: datetime) -> UUID:
    """Insert a product without its classes."""
    product_id = new_id()
    await Product.insert(
        Product(
            organization_id=payer,
            id=product_id,
            code=draft.code,
            name=draft.name,
            name_ar=draft.name_ar,
            policy_type=draft.policy_type,
            created_at=now,
        )
    )
    return product_id


async def insert_class(payer: UUID, product_id: UUID, draft: ClassDraft, effective_from: date) -> None:
    """Insert a class without its benefits."""
    await ProductClass.insert(
        ProductClass(
            organization_id=payer,
            product_id=product_id,
            policy_class=draft.policy_class,
        )
    )
    await ClassTerms.insert(
        ClassTerms(
            organization_id=payer,
            id=new_id(),
            product_id=product_id,
            policy_class=draft.policy_class,
            version=1,
            effective_from=effective_from,
            annual_limit=draft.annual_limit,
            deductible=draft.deductible,
            network=draft.network,
        )
    )


async def end_benefits(
    payer: UUID, product_id: UUID, policy_class: str, benefits: Sequence[str], last_day: date
) -> None:
    """End the open versions of some benefits on a day."""
    if not benefits:
        return
    await Benefit.update({Benefit.effective_to: last_day}).where(
        Benefit.organization_id == payer,
        Benefit.product_id == product_id,
        Benefit.policy_class == policy_class,
        Benefit.benefit.is_in(list(benefits)),
        Benefit.effective_to.is_null(),
        Benefit.effective_from <= last_day,
    )


async def insert_benefit(
    tx: Transaction,
    payer: UUID,
    product_id: UUID,
    policy_class: str,
    draft: BenefitDraft,
    rule: tuple[str, date, date | None],
) -> None:
    """Insert the next version of a benefit: `rule` is its id, its first and its last day.

    Raw, so that counting the versions and inserting the next one are one statement.
    """
    sql = """
    INSERT INTO policylinc.benefit (organization_id, id, product_id, policy_class, benefit, rule_id, version,
        effective_from, effective_to, covered, copay_percent, copay_cap, year_limit,
        authorization_required, authorization_above, parent, codes, copay_cap_per, waiting_days)
    SELECT $1, $2, $3, $4, $5, $6, 1 + coalesce(max(version), 0), $7, $8, $9, $10, $11, $12, $13, $14,
        $15, $16, $17, $18
    FROM policylinc.benefit
    WHERE organization_id = $1 AND product_id = $3 AND policy_class = $4 AND benefit = $5
    """
    benefit_id = new_id()
    await tx.execute(
        sql,
        payer,
        benefit_id,
        product_id,
        policy_class,
        draft.benefit,
        *rule,
        draft.covered,
        draft.copay_percent,
        draft.copay_cap,
        draft.year_limit,
        draft.authorization_required,
        draft.authorization_above,
        draft.parent,
        list(draft.codes),
        draft.copay_cap_per.value,
        draft.waiting_days,
    )
    if draft.limits:
        await BenefitLimit.insert(*(_limit(payer, benefit_id, one) for one in draft.limits))
    if draft.copays:
        await BenefitCopay.insert(*(_copay(payer, benefit_id, one) for one in draft.copays))


def _limit(payer: UUID, benefit_id: UUID, draft: LimitDraft) -> BenefitLimit:
    return BenefitLimit(
        organization_id=payer,
        benefit_id=benefit_id,
        kind=draft.kind.value,
        per=draft.per.value,
        value=draft.value,
    )


def _copay(payer: UUID, benefit_id: UUID, draft: CopayDraft) -> BenefitCopay:
    return BenefitCopay(
        organization_id=payer,
        id=new_id(),
        benefit_id=benefit_id,
        in_network=draft.in_network,
        provider_class=draft.provider_class,
        copay_percent=draft.copay_percent,
        copay_cap=draft.copay_cap,
        copay_cap_per=draft.copay_cap_per.value,
    )


async def insert_policy(policy: PolicyRow, holder: str, now: datetime) -> bool:
    """Insert a policy; False when its number is taken."""
    made = await Policy.insert(
        Policy(
            organization_id=policy.organization_id,
            id=policy.id,
            product_id=policy.product_id,
            policy_number=policy.policy_number,
            policy_class=policy.policy_class,
            holder=holder,
            network=policy.network,
            status=policy.status,
            effective_date=policy.effective_date,
            expiry_date=policy.expiry_date,
            annual_limit=policy.annual_limit,
            deductible=policy.deductible,
            created_at=now,
        )
    ).on_conflict(target="policy_number", action="DO NOTHING")
    return bool(made)


async def set_status(policy: PolicyRow, status: CoverStatus) -> None:
    """Change the status of a policy."""
    await Policy.update({Policy.status: status.value}).where(
        Policy.organization_id == policy.organization_id, Policy.id == policy.id
    )


async def insert_member(member: MemberRow, name: str, birth: tuple[date | None, str | None], now: datetime) -> None:
    """Insert a member: `birth` is the birth date and the gender."""
    birth_date, gender = birth
    await Member.insert(
        Member(
            organization_id=member.organization_id,
            id=member.id,
            policy_id=member.policy_id,
            person_id=member.person_id,
            member_number=member.member_number,
            name=name,
            birth_date=birth_date,
            gender=gender,
            effective_from=member.effective_from,
            effective_to=member.effective_to,
            enrolled_by_simulator=member.enrolled_by_simulator,
            created_at=now,
        )
    )


async def insert_identifiers(vault: Vault, member: MemberRow, identifiers: Sequence[PersonIdentifier]) -> None:
    """Insert a member's identifiers: sealed as they were sent, and blind indexes to find them by."""
    payer = member.organization_id
    named = {blind(vault, payer, one): one for one in identifiers}
    rows = [
        MemberIdentifier(
            organization_id=payer,
            member_id=member.id,
            system=one.system,
            sealed=seal(vault, payer, member.id, one),
            blind=key,
            valid=identifier_is_valid(one.system, one.value),
        )
        for key, one in named.items()
    ]
    if rows:
        await MemberIdentifier.insert(*rows)


async def insert_contract(payer: UUID, draft: ContractDraft, provider: UUID | None, now: datetime) -> UUID:
    """Insert a contract."""
    contract_id = new_id()
    await Contract.insert(
        Contract(
            organization_id=payer,
            id=contract_id,
            code=draft.code,
            provider_organization_id=provider,
            percent_of_billed=draft.percent_of_billed,
            effective_from=draft.effective_from,
            effective_to=draft.effective_to,
            created_at=now,
        )
    )
    return contract_id


async def insert_price(payer: UUID, contract_id: UUID, draft: PriceDraft) -> UUID:
    """Insert a price."""
    price_id = new_id()
    await Price.insert(
        Price(
            organization_id=payer,
            id=price_id,
            contract_id=contract_id,
            system=draft.system,
            code=draft.code,
            amount=draft.amount,
            effective_from=draft.effective_from,
            effective_to=draft.effective_to,
        )
    )
    return price_id
