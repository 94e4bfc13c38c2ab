"""What is keyed to make products, policies, members, contracts and prices."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from masterlinc.money import ZERO
from policylinc.contract import CoverStatus, LimitKind, LimitPer, PersonIdentifier


class LimitDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit of a benefit besides its yearly amount."""

    kind: LimitKind
    per: LimitPer
    value: Decimal


class CopayDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The co-pay at some providers, where it is not the benefit's own; what is left out is not asked about."""

    in_network: bool | None = None
    provider_class: str | None = None
    copay_percent: Decimal
    copay_cap: Decimal | None = None
    copay_cap_per: LimitPer = LimitPer.VISIT


class BenefitDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A benefit of a product class as it holds from a day on; a sub-benefit names its parent and its codes."""

    benefit: str
    covered: bool = True
    copay_percent: Decimal = Decimal(0)  # the patient's part
    copay_cap: Decimal | None = None
    copay_cap_per: LimitPer = LimitPer.VISIT
    year_limit: Decimal | None = None
    authorization_required: bool = False
    authorization_above: Decimal | None = None
    parent: str | None = None
    codes: tuple[str, ...] = ()  # patterns: a code, the beginning of codes (`16*`), a range (`16500..16636`)
    waiting_days: int = 0
    limits: tuple[LimitDraft, ...] = ()
    copays: tuple[CopayDraft, ...] = ()


class ClassDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class of a product: what its policies grant unless they say otherwise."""

    policy_class: str
    annual_limit: Decimal
    deductible: Decimal = ZERO
    network: str = ""
    benefits: tuple[BenefitDraft, ...] = ()


class ProductDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product with its classes and the day from which their benefits hold."""

    code: str
    name: str
    name_ar: str
    policy_type: str
    effective_from: date
    classes: tuple[ClassDraft, ...]


class PolicyDraft(Struct, frozen=True, kw_only=True):
    """A policy; limits and network are the class's where none are named."""

    policy_number: str
    product: str  # its code
    policy_class: str
    holder: str
    effective_date: date
    expiry_date: date
    status: CoverStatus = CoverStatus.ACTIVE
    annual_limit: Decimal | None = None
    deductible: Decimal | None = None
    network: str | None = None


class MemberDraft(Struct, frozen=True, kw_only=True):
    """A member; covered for the policy's time where no days are named."""

    policy_number: str
    member_number: str
    name: str
    birth_date: date | None = None
    gender: str | None = None
    identifiers: tuple[PersonIdentifier, ...] = ()
    effective_from: date | None = None
    effective_to: date | None = None


class ContractDraft(Struct, frozen=True, kw_only=True):
    """What a payer pays of a billed price that has no agreed price: to one provider, or to all others."""

    code: str
    percent_of_billed: Decimal
    effective_from: date
    effective_to: date | None = None
    provider: str | None = None  # its ORG- number or licence


class PriceDraft(Struct, frozen=True, kw_only=True):
    """An agreed price of one unit, before tax."""

    contract: str  # its code
    system: str
    code: str
    amount: Decimal
    effective_from: date
    effective_to: date | None = None
