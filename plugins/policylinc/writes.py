"""The SQL of inserts; constraints are the truth, and what they refuse is worded by the service."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from masterlinc.db import Transaction
from masterlinc.identity import identifier_is_valid
from masterlinc.ids import new_id
from masterlinc.sealing import Vault
from policylinc.contract import PersonIdentifier
from policylinc.drafts import BenefitDraft, ClassDraft, ContractDraft, PriceDraft, ProductDraft
from policylinc.persons import blind, seal
from policylinc.records import MemberRow, PolicyRow


async def insert_product(tx: Transaction, payer: UUID, draft: ProductDraft, now: datetime) -> UUID:
    """Insert a product without its classes."""
    product_id = new_id()
    sql = """
    INSERT INTO policylinc.product (organization_id, id, code, name, name_ar, policy_type, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
    await tx.execute(sql, payer, product_id, draft.code, draft.name, draft.name_ar, draft.policy_type, now)
    return product_id


async def insert_class(tx: Transaction, payer: UUID, product_id: UUID, draft: ClassDraft) -> None:
    """Insert a class without its benefits."""
    sql = """
    INSERT INTO policylinc.product_class (organization_id, product_id, policy_class, annual_limit, deductible, network)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
    await tx.execute(sql, payer, product_id, draft.policy_class, draft.annual_limit, draft.deductible, draft.network)


async def end_benefits(
    tx: Transaction, payer: UUID, product_id: UUID, policy_class: str, ended: tuple[Sequence[str], date]
) -> None:
    """End the open versions of some benefits on a day."""
    sql = """
    UPDATE policylinc.benefit SET effective_to = $5
    WHERE organization_id = $1 AND product_id = $2 AND policy_class = $3 AND benefit = ANY ($4)
        AND effective_to IS NULL AND effective_from <= $5
    """
    benefits, last_day = ended
    await tx.execute(sql, payer, product_id, policy_class, list(benefits), last_day)


async def insert_benefit(
    tx: Transaction,
    payer: UUID,
    product_id: UUID,
    policy_class: str,
    draft: BenefitDraft,
    rule: tuple[str, date, date | None],
) -> None:
    """Insert the next version of a benefit: `rule` is its id, its first and its last day."""
    sql = """
    INSERT INTO policylinc.benefit (organization_id, id, product_id, policy_class, benefit, rule_id, version,
        effective_from, effective_to, covered, copay_percent, copay_cap, year_limit,
        authorization_required, authorization_above)
    SELECT $1, $2, $3, $4, $5, $6, 1 + coalesce(max(version), 0), $7, $8, $9, $10, $11, $12, $13, $14
    FROM policylinc.benefit
    WHERE organization_id = $1 AND product_id = $3 AND policy_class = $4 AND benefit = $5
    """
    await tx.execute(
        sql,
        payer,
        new_id(),
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
    )


async def insert_policy(tx: Transaction, policy: PolicyRow, holder: str, now: datetime) -> bool:
    """Insert a policy; False when its number is taken."""
    sql = """
    INSERT INTO policylinc.policy (organization_id, id, product_id, policy_number, policy_class, holder, network,
        status, effective_date, expiry_date, annual_limit, deductible, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT ON CONSTRAINT policy_number DO NOTHING RETURNING true
    """
    made = await tx.fetchval(
        sql,
        policy.organization_id,
        policy.id,
        policy.product_id,
        policy.policy_number,
        policy.policy_class,
        holder,
        policy.network,
        policy.status,
        policy.effective_date,
        policy.expiry_date,
        policy.annual_limit,
        policy.deductible,
        now,
    )
    return made is not None


async def insert_member(
    tx: Transaction, member: MemberRow, name: str, birth: tuple[date | None, str | None], now: datetime
) -> None:
    """Insert a member: `birth` is the birth date and the gender."""
    sql = """
    INSERT INTO policylinc.member (organization_id, id, policy_id, member_number, name, birth_date, gender,
        effective_from, effective_to, enrolled_by_simulator, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    """
    await tx.execute(
        sql,
        member.organization_id,
        member.id,
        member.policy_id,
        member.member_number,
        name,
        *birth,
        member.effective_from,
        member.effective_to,
        member.enrolled_by_simulator,
        now,
    )


async def insert_identifiers(
    tx: Transaction, vault: Vault, member: MemberRow, identifiers: Sequence[PersonIdentifier]
) -> None:
    """Insert a member's identifiers: sealed as they were sent, and blind indexes to find them by."""
    payer = member.organization_id
    rows = {
        blind(vault, payer, one): (
            one.system,
            seal(vault, payer, member.id, one),
            identifier_is_valid(one.system, one.value),
        )
        for one in identifiers
    }
    sql = """
    INSERT INTO policylinc.member_identifier (organization_id, member_id, blind, system, sealed, valid)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
    await tx.executemany(sql, [(payer, member.id, key, *row) for key, row in rows.items()])


async def insert_contract(
    tx: Transaction, payer: UUID, draft: ContractDraft, provider: UUID | None, now: datetime
) -> UUID:
    """Insert a contract."""
    contract_id = new_id()
    sql = """
    INSERT INTO policylinc.contract (organization_id, id, code, provider_organization_id, percent_of_billed,
        effective_from, effective_to, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
    percent: Decimal = draft.percent_of_billed
    await tx.execute(
        sql, payer, contract_id, draft.code, provider, percent, draft.effective_from, draft.effective_to, now
    )
    return contract_id


async def insert_price(tx: Transaction, payer: UUID, contract_id: UUID, draft: PriceDraft) -> UUID:
    """Insert a price."""
    price_id = new_id()
    sql = """
    INSERT INTO policylinc.price (organization_id, id, contract_id, system, code, amount, effective_from, effective_to)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
    await tx.execute(
        sql,
        payer,
        price_id,
        contract_id,
        draft.system,
        draft.code,
        draft.amount,
        draft.effective_from,
        draft.effective_to,
    )
    return price_id
