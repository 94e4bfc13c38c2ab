"""Inserts and updates, on the open transaction; constraints are the truth, and the service words what they refuse."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from masterlinc.identity import identifier_is_valid
from masterlinc.ids import new_id
from masterlinc.sealing import Vault
from policylinc.contract import CoverStatus, PersonIdentifier
from policylinc.drafts import ContractDraft, PriceDraft
from policylinc.persons import blind, seal
from policylinc.records import MemberRow, PolicyRow
from policylinc.tables import (
    Contract,
    Member,
    MemberIdentifier,
    Policy,
    Price,
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
