"""Rows as this agent reads them."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from policylinc.contract import CoverStatus


class ClassRow(Struct, frozen=True):
    """A class of a product."""

    product_id: UUID
    product: str
    policy_class: str
    network: str
    annual_limit: Decimal
    deductible: Decimal


class PolicyRow(Struct, frozen=True):
    """A policy with its product."""

    organization_id: UUID
    id: UUID
    product_id: UUID
    product: str
    policy_type: str
    policy_number: str
    policy_class: str
    network: str
    status: str
    effective_date: date
    expiry_date: date
    annual_limit: Decimal
    deductible: Decimal


class MemberRow(Struct, frozen=True):
    """A member."""

    organization_id: UUID
    id: UUID
    policy_id: UUID
    person_id: UUID  # the same over renewals
    member_number: str
    effective_from: date
    effective_to: date
    enrolled_by_simulator: bool


class Use(Struct, frozen=True):
    """What is used of one benefit."""

    used: Decimal = Decimal(0)
    deductible_used: Decimal = Decimal(0)
    units_used: Decimal = Decimal(0)
    days_used: Decimal = Decimal(0)

    def __add__(self, other: "Use") -> "Use":
        return Use(
            self.used + other.used,
            self.deductible_used + other.deductible_used,
            self.units_used + other.units_used,
            self.days_used + other.days_used,
        )


class PostingRow(Struct, frozen=True):
    """Whose use was posted, and in which policy year."""

    member_id: UUID
    policy_year: date


class PriceRow(Struct, frozen=True):
    """An agreed price."""

    system: str
    code: str
    amount: Decimal


def cover_status(policy: PolicyRow, member: MemberRow | None, day: date) -> CoverStatus:
    """Say whether a policy, or a member under it, is covered on a day."""
    if policy.status != CoverStatus.ACTIVE:
        return CoverStatus(policy.status)
    first, last = cover_dates(policy, member)
    return CoverStatus.ACTIVE if first <= day <= last else CoverStatus.INACTIVE


def cover_dates(policy: PolicyRow, member: MemberRow | None) -> tuple[date, date]:
    """Return the first and last day of cover: the member's, inside of the policy's."""
    if member is None:
        return policy.effective_date, policy.expiry_date
    return max(policy.effective_date, member.effective_from), min(policy.expiry_date, member.effective_to)
