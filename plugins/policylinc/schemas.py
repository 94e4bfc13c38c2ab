"""Bodies of the routes: the first system's fields, and beside them what it could not say."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from masterlinc.money import Money
from policylinc.contract import CoverStatus, LimitKind, LimitPer

Reference = Annotated[str, Meta(min_length=1, max_length=64)]


class PolicyQuestion(Struct, forbid_unknown_fields=True, kw_only=True):
    """The question whether a service is covered for a patient under a policy."""

    policy_number: Reference
    patient_id: Reference  # a member number, a PAT- or MBR- number, a national identity or residence number
    service_code: Reference
    amount: Money
    service_date: Annotated[str, Meta(max_length=40)] | None = None  # a day or a time; today where none is named


class Coverage(Struct, kw_only=True):
    """What the policy pays of a service, as far as it can be said before a claim."""

    covered: bool
    coverage_percentage: Decimal
    copay_amount: Money
    deductible_remaining: Money
    authorization_required: bool
    limitations: list[str]
    limitations_ar: list[str]
    benefit: str
    allowed_amount: Money  # by the contract with the provider; the shares make it up
    patient_share: Money  # deductible and co-payment, and what is above a limit
    payer_share: Money


class PolicyAnswer(Struct, kw_only=True):
    """The answer to a question on a policy."""

    validation_id: UUID
    policy_number: str
    is_valid: bool
    status: CoverStatus
    coverage: Coverage
    message: str
    message_ar: str
    member_number: str | None  # whom the patient was taken for; None when nobody matched
    validated_at: datetime


class ServiceQuestion(Struct, forbid_unknown_fields=True, kw_only=True):
    """A service and its amount."""

    service_code: Reference
    amount: Money


class EligibilityQuestion(Struct, forbid_unknown_fields=True, kw_only=True):
    """The question whether services are covered for a patient under a policy on a day."""

    policy_number: Reference
    patient_id: Reference
    services: Annotated[list[ServiceQuestion], Meta(min_length=1, max_length=100)]
    service_date: Annotated[str, Meta(max_length=40)] | None = None


class ServiceAnswer(Struct, kw_only=True):
    """What the policy pays of one of the services, as if it were the only one."""

    service_code: str
    amount: Money
    coverage: Coverage
    message: str
    message_ar: str


class EligibilityAnswer(Struct, kw_only=True):
    """The answers for the services, in the order in which they were asked."""

    validation_id: UUID
    policy_number: str
    is_valid: bool
    status: CoverStatus
    services: list[ServiceAnswer]
    member_number: str | None
    validated_at: datetime


class LimitView(Struct, kw_only=True):
    """A limit of a benefit besides its yearly amount."""

    kind: LimitKind
    per: LimitPer
    value: Decimal
    used: Decimal | None  # of the member who is named
    left: Decimal | None


class BenefitView(Struct, kw_only=True):
    """A benefit of a policy and its use in the policy year."""

    benefit: str
    title: str
    title_ar: str
    copay_percent: Decimal
    copay_cap: Money | None
    limit: Money | None  # a member a policy year
    used: Money
    authorization_required: bool
    authorization_above: Money | None
    copay_cap_per: LimitPer  # visit or item
    parent: str | None  # whose part a sub-benefit is
    waiting_days: int  # from the first day with the payer
    limits: list[LimitView]


class PolicyCoverage(Struct, kw_only=True):
    """A policy, its limit and its use in the policy year.

    Limits hold for each member: without a member, the annual limit is the members' together, so that used and remaining
    always add up to it.
    """

    policy_number: str
    policy_type: str
    insurer: str
    insurer_ar: str
    status: CoverStatus
    policy_class: str
    network: str
    effective_date: date
    expiry_date: date
    policy_year: date
    annual_limit: Money
    used_amount: Money
    remaining_amount: Money
    covered_services: list[str]
    benefits: list[BenefitView]
    members: int
    member_annual_limit: Money
    member_number: str | None


class MemberSummary(Struct, kw_only=True):
    """A member's cover under a policy, as it stands today."""

    member_id: str
    member_number: str
    name: str
    relationship: str | None
    policy_number: str
    policy_class: str
    status: CoverStatus
    effective_from: date
    effective_to: date


class MemberPage(Struct, kw_only=True):
    """A page of members."""

    members: list[MemberSummary]
    total: int
    page: int
    page_size: int
    total_exact: bool


class MemberIdentifierView(Struct, kw_only=True):
    """An identifier of a member by its last characters: enough to tell two apart, too little to use."""

    system: str
    ending: str
    valid: bool


class MemberCover(Struct, kw_only=True):
    """A cover of a member; renewals are covers of the same number."""

    member_id: str
    policy_number: str
    policy_class: str
    effective_from: date
    effective_to: date


class MemberChangeView(Struct, kw_only=True):
    """What is known of a member from a day on, as it was recorded."""

    effective_from: date
    name: str
    birth_date: date | None
    gender: str | None
    relationship: str | None
    sponsor_number: str | None
    recorded_at: datetime


class MemberView(MemberSummary, kw_only=True):
    """A member with all that is kept of them."""

    birth_date: date | None
    gender: str | None
    sponsor_number: str | None
    identifiers: list[MemberIdentifierView]
    covers: list[MemberCover]
    changes: list[MemberChangeView]
    dependants: list[str]  # member numbers
