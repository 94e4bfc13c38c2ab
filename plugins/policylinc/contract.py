"""What other agents may know of policies: types, tasks and events."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from masterlinc.money import Money


class CoverStatus(StrEnum):
    """Whether a policy covers its member on a day."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"


class PersonIdentifier(Struct, frozen=True):
    """An identifier that a person is found by."""

    system: str
    value: str


class BenefitTerm(Struct, frozen=True):
    """What a policy class grants for one benefit, and what is used of it this policy year."""

    benefit: str  # inpatient, outpatient, pharmacy, dental, optical, maternity
    rule_id: str
    covered: bool
    copay_percent: Decimal  # 0..100, the patient's part
    copay_cap: Money | None  # per visit
    limit: Money | None  # a policy year
    used: Money


class Price(Struct, frozen=True):
    """An agreed price of one unit, before tax."""

    system: str
    code: str
    amount: Money


class Terms(Struct, frozen=True):
    """Everything that a decision needs of the payer's side, read under the member's row lock."""

    payer_organization_id: UUID
    member_id: UUID
    policy_id: UUID
    policy_number: str
    policy_class: str
    product: str
    status: CoverStatus
    effective_date: date
    expiry_date: date
    annual_limit: Money
    annual_used: Money
    deductible: Money  # a policy year
    deductible_used: Money
    benefits: tuple[BenefitTerm, ...]
    prices: tuple[Price, ...]
    percent_of_billed: Decimal  # what the contract pays of a billed price that is not in `prices`; 0..100
    contract: str
    version: str
    enrolled_by_simulator: bool = False


class FindCover(Struct, frozen=True):
    """Find a member's cover by member number or identifiers, at a payer, on a day."""

    service_date: date
    payer_license: str | None = None
    member_number: str | None = None
    policy_number: str | None = None
    identifiers: tuple[PersonIdentifier, ...] = ()


class FoundCover(Struct, frozen=True):
    """The cover found; `found` is false when nobody matches."""

    found: bool
    payer_organization_id: UUID | None = None
    member_id: UUID | None = None
    policy_id: UUID | None = None
    policy_number: str | None = None
    policy_class: str | None = None
    status: CoverStatus | None = None
    reason: str = ""
    reason_ar: str = ""


class EnrolMember(Struct, frozen=True):
    """Enrol a person in a product of the payer; made for demos, where messages name unknown members."""

    payer_organization_id: UUID
    name: str
    birth_date: date | None
    gender: str | None
    member_number: str
    identifiers: tuple[PersonIdentifier, ...]
    service_date: date
    policy_class: str | None = None
    enrolled_by_simulator: bool = False


class LoadTerms(Struct, frozen=True):
    """Lock a member's balances and read the terms in force on a day. Joins the caller's transaction."""

    payer_organization_id: UUID
    member_id: UUID
    service_date: date
    provider_organization_id: UUID | None = None
    codes: tuple[str, ...] | None = None  # the prices that are wanted; None: all of the contract's


class BenefitUse(Struct, frozen=True):
    """What a decision uses of one benefit."""

    benefit: str
    amount: Money  # the payer's part before tax: counts against the limits
    deductible: Money


class PostBenefits(Struct, frozen=True):
    """Append a decision's use to the member's ledger. Joins the caller's transaction."""

    payer_organization_id: UUID
    member_id: UUID
    decision_id: UUID
    service_date: date
    uses: tuple[BenefitUse, ...]


class ReverseBenefits(Struct, frozen=True):
    """Append entries that take a decision's use back. Joins the caller's transaction."""

    payer_organization_id: UUID
    decision_id: UUID


class PostedBenefits(Struct, frozen=True):
    """How many ledger entries were written."""

    entries: int


class MemberEnrolled(Struct, frozen=True, tag="policylinc.member_enrolled.v1"):
    """A member was enrolled in a policy."""

    member_id: UUID
    policy_id: UUID
    organization_id: UUID
