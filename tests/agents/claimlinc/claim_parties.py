"""A provider, a payer and a member, made by the agents' own services."""

import secrets
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from claim_builders import NATIONAL_ID_OF_SARA

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from claimlinc.contract import Identifier
from masterlinc.context import Context
from masterlinc.identity import NATIONAL_ID, PAYER_LICENSE, PROVIDER_LICENSE, make_saudi_id
from masterlinc.ids import new_id
from masterlinc.security.principal import service_principal
from masterlinc.testing import MakePrincipal, Running
from policylinc import service as policies
from policylinc.contract import PersonIdentifier
from policylinc.drafts import BenefitDraft, ClassDraft, ContractDraft, MemberDraft, PolicyDraft, ProductDraft


@dataclass(frozen=True)
class Parties:
    """A provider with a billing clerk, a payer with an adjudicator, and a member of the payer."""

    provider: Context
    provider_license: str
    payer: Context
    payer_license: str
    policy_number: str
    member_number: str
    member_id: UUID

    @property
    def payer_id(self) -> UUID:
        return self.payer.principal.organization_id

    @property
    def provider_id(self) -> UUID:
        return self.provider.principal.organization_id


async def organization(running: Running, kind: OrganizationKind, system: str) -> tuple[UUID, str]:
    license_number = f"T-{new_id().hex[-16:]}"
    ctx = running.context("authlinc", service_principal("tests", frozenset()))
    new = NewOrganization(kind, "Test house", "منشأة الاختبار", (License(system, license_number),))
    made = await create_organization(ctx, new)
    assert made.organization_id is not None
    return made.organization_id, license_number


async def make_parties(
    running: Running, make_principal: MakePrincipal, *, dental_is_asked_for: bool = False
) -> Parties:
    provider, provider_license = await organization(running, OrganizationKind.PROVIDER, PROVIDER_LICENSE)
    payer, payer_license = await organization(running, OrganizationKind.PAYER, PAYER_LICENSE)
    policy_number, member_number = f"P-{new_id().hex[-12:]}", f"M-{new_id().hex[-12:]}"
    keeper = running.context("policylinc", make_principal("payer_admin", organization=payer))
    benefits = (
        BenefitDraft(benefit="outpatient", copay_percent=Decimal(20), copay_cap=Decimal(75)),
        BenefitDraft(
            benefit="dental",
            copay_percent=Decimal(15),
            year_limit=Decimal(2000),
            authorization_required=dental_is_asked_for,
        ),
        BenefitDraft(benefit="optical", covered=False),
    )
    one_class = ClassDraft(
        policy_class="B", annual_limit=Decimal(10_000), deductible=Decimal(0), network="B", benefits=benefits
    )
    await policies.create_product(
        keeper,
        payer,
        ProductDraft(
            code="STD",
            name="Standard",
            name_ar="الأساسية",
            policy_type="CHI_STANDARD",
            effective_from=date(2020, 1, 1),
            classes=(one_class,),
        ),
    )
    await policies.create_policy(
        keeper,
        payer,
        PolicyDraft(
            policy_number=policy_number,
            product="STD",
            policy_class="B",
            holder="A company",
            effective_date=date(2026, 1, 1),
            expiry_date=date(2026, 12, 31),
        ),
    )
    await policies.create_contract(
        keeper, payer, ContractDraft(code="C1", percent_of_billed=Decimal(100), effective_from=date(2020, 1, 1))
    )
    member_id = await policies.enrol_member(keeper, payer, _draft(policy_number, member_number, NATIONAL_ID_OF_SARA))
    return Parties(
        provider=running.context("claimlinc", make_principal("billing", organization=provider)),
        provider_license=provider_license,
        payer=running.context("claimlinc", make_principal("adjudicator", organization=payer)),
        payer_license=payer_license,
        policy_number=policy_number,
        member_number=member_number,
        member_id=member_id,
    )


async def make_member(parties: Parties) -> tuple[str, Identifier]:
    """Enrol one more member of the payer; the number and the identity of them."""
    number, identity = f"M-{new_id().hex[-12:]}", make_saudi_id("national_id", secrets.randbelow(10**8))
    keeper = parties.payer.for_agent("policylinc")
    await policies.enrol_member(keeper, parties.payer_id, _draft(parties.policy_number, number, identity))
    return number, Identifier(NATIONAL_ID, identity)


def _draft(policy_number: str, member_number: str, identity: str) -> MemberDraft:
    return MemberDraft(
        policy_number=policy_number,
        member_number=member_number,
        name="Sara Ali",
        birth_date=date(1990, 1, 1),
        gender="female",
        identifiers=(PersonIdentifier(NATIONAL_ID, identity),),
    )
