"""Drafts and identities that the tests of policies share."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from masterlinc.context import Context
from masterlinc.identity import NATIONAL_ID, make_saudi_id
from masterlinc.ids import new_id
from masterlinc.money import Money
from policylinc import service
from policylinc.contract import BenefitUse, LoadTerms, PersonIdentifier, PostBenefits
from policylinc.drafts import BenefitDraft, ClassDraft, MemberDraft, PolicyDraft, ProductDraft
from policylinc.policy_year import policy_year
from policylinc.postings import usage_of
from policylinc.queries import member_by_id, policy_by_id
from policylinc.terms import Cover
from policylinc.usage import Usage

YEAR = date(2026, 1, 1)


def product(code: str = "STD", **changes: object) -> ProductDraft:
    benefits = (
        BenefitDraft(
            benefit="outpatient", copay_percent=Decimal(20), copay_cap=Decimal(75), authorization_above=Decimal(500)
        ),
        BenefitDraft(benefit="pharmacy", copay_percent=Decimal(20)),
        BenefitDraft(benefit="dental", copay_percent=Decimal(20), year_limit=Decimal(2000)),
        BenefitDraft(benefit="inpatient", authorization_required=True),
        BenefitDraft(benefit="optical", covered=False),
    )
    classes = (
        ClassDraft(
            policy_class="C", annual_limit=Decimal(10_000), deductible=Decimal(100), network="C", benefits=benefits
        ),
    )
    fields: dict[str, object] = {
        "code": code,
        "name": "Standard",
        "name_ar": "الأساسية",
        "policy_type": "CHI_STANDARD",
        "effective_from": date(2020, 1, 1),
        "classes": classes,
    }
    return ProductDraft(**(fields | changes))  # type: ignore[arg-type]


def policy(number: str, **changes: object) -> PolicyDraft:
    fields: dict[str, object] = {
        "policy_number": number,
        "product": "STD",
        "policy_class": "C",
        "holder": "A company",
        "effective_date": YEAR,
        "expiry_date": date(2026, 12, 31),
    }
    return PolicyDraft(**(fields | changes))  # type: ignore[arg-type]


def national_id(serial: int) -> PersonIdentifier:
    return PersonIdentifier(NATIONAL_ID, make_saudi_id("national_id", serial))


@dataclass(frozen=True)
class Insured:
    """A member of a payer's policy."""

    payer: UUID
    policy_number: str
    member_number: str
    member_id: UUID
    identifier: PersonIdentifier


async def insure(
    ctx: Context, payer: UUID, serial: int = 1, *, made: ProductDraft | None = None, **changes: object
) -> Insured:
    """Make a product, a policy and a member at a payer that has none."""
    number, member_number = f"P-{new_id().hex[:12]}", f"M-{new_id().hex[:12]}"
    await service.create_product(ctx, payer, made or product())
    await service.create_policy(ctx, payer, policy(number, **changes))
    identifier = national_id(serial)
    member = MemberDraft(
        policy_number=number,
        member_number=member_number,
        name="سارة خان",
        birth_date=date(1990, 5, 1),
        gender="female",
        identifiers=(identifier,),
    )
    return Insured(payer, number, member_number, await service.enrol_member(ctx, payer, member), identifier)


def use(benefit: str, amount: str, deductible: str = "0.00", *, count: int = 0, days: int = 0) -> BenefitUse:
    return BenefitUse(benefit, Money(amount), Money(deductible), Decimal(count), days)


def posting(
    insured: Insured, *uses: BenefitUse, decision_id: UUID | None = None, day: date = date(2026, 3, 1)
) -> PostBenefits:
    return PostBenefits(insured.payer, insured.member_id, decision_id or new_id(), day, uses)


async def usage(ctx: Context, insured: Insured, day: date = date(2026, 3, 1)) -> Usage:
    """What is used of a member's policy year on a day, and of their lifetime."""
    async with ctx.transaction(frozenset({insured.payer})) as tx:
        member = await member_by_id(tx, insured.payer, insured.member_id)
        assert member is not None
        row = await policy_by_id(tx, insured.payer, member.policy_id)
        assert row is not None
        return await usage_of(tx, Cover(row, member, policy_year(row.effective_date, day)))


def terms_of(insured: Insured, day: date = date(2026, 3, 1), **changes: object) -> LoadTerms:
    return LoadTerms(insured.payer, insured.member_id, day, **changes)  # type: ignore[arg-type]
