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


class LimitKind(StrEnum):
    """What a limit counts."""

    AMOUNT = "amount"  # SAR, the payer's part before tax
    COUNT = "count"  # units of service
    DAYS = "days"  # days of service


class LimitPer(StrEnum):
    """Over what a limit counts."""

    YEAR = "year"  # a policy year
    LIFETIME = "lifetime"  # all years with the payer
    VISIT = "visit"  # one benefit on one day
    ITEM = "item"  # one line


class BenefitLimit(Struct, frozen=True):
    """A limit of a benefit besides its yearly amount; `used` is of a year or of all."""

    kind: LimitKind
    per: LimitPer
    value: Decimal
    used: Decimal = Decimal(0)


class BenefitTerm(Struct, frozen=True):
    """What a policy class grants for one benefit at this provider, and what is used of it this policy year.

    A sub-benefit names its `parent` and the `codes` that belong to it; what it uses counts for the parent too.
    """

    benefit: str  # inpatient, outpatient, pharmacy, dental, optical, maternity, or a sub-benefit
    rule_id: str
    covered: bool
    copay_percent: Decimal  # 0..100, the patient's part
    copay_cap: Money | None  # per visit or item
    limit: Money | None  # a policy year
    used: Money
    copay_cap_per: LimitPer = LimitPer.VISIT
    parent: str | None = None
    codes: tuple[str, ...] = ()  # patterns, see `fits`
    limits: tuple[BenefitLimit, ...] = ()
    waiting_days: int = 0  # from the member's first day with the payer


class ServiceRuleKind(StrEnum):
    """What a payer's rule on services does."""

    EXCLUSION = "exclusion"  # not covered
    AUTHORIZATION = "authorization"  # wants a pre-authorization
    WAITING = "waiting"  # not covered for `days` from the member's first day
    AGE = "age"  # only from `min_age` to `max_age` years
    SEX = "sex"  # only for `sex`
    FREQUENCY = "frequency"  # no more than `count` in `days`
    DIAGNOSIS = "diagnosis"  # the services of `codes` only for one of `diagnoses`
    PACKAGE = "package"  # the services of `codes` include those of `includes`


class ServiceRule(Struct, frozen=True):
    """A payer's rule on some services; what it leaves empty it does not ask about."""

    id: str  # with its version: exclusion.cosmetic@2
    kind: ServiceRuleKind
    text: str
    text_ar: str
    codes: tuple[str, ...] = ()  # patterns, see `fits`
    diagnoses: tuple[str, ...] = ()  # patterns of ICD-10-AM codes
    benefits: tuple[str, ...] = ()
    above: Money | None = None  # authorization: from this billed amount of a line on, exclusive
    in_emergencies: bool = False  # authorization: asked of emergencies too
    days: int | None = None
    count: int | None = None
    min_age: int | None = None  # full years
    max_age: int | None = None
    sex: str | None = None
    includes: tuple[str, ...] = ()  # patterns, see `fits`


class WhenLate(StrEnum):
    """What follows when the payer's time for a pre-authorization runs out."""

    ESCALATE = "escalate"  # it goes to the head of the queue, and the delay is told
    APPROVE = "approve"
    REJECT = "reject"


class AuthorizationTerms(Struct, frozen=True):
    """How a payer deals with pre-authorizations."""

    answer_minutes: int = 60
    when_late: WhenLate = WhenLate.ESCALATE
    valid_days: int = 30
    emergency_notice_hours: int = 24


def fits(pattern: str, code: str) -> bool:
    """Say whether a code is the pattern, begins with it (`16*`), or lies in its range (`16500..16636`)."""
    if pattern.endswith("*"):
        return code.startswith(pattern[:-1])
    low, dots, high = pattern.partition("..")
    return low <= code[: len(low)] and code[: len(high)] <= high if dots else code == pattern


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
    network: str = ""
    in_network: bool = True
    provider_class: str | None = None
    person_id: UUID | None = None  # the member, over renewals
    member_since: date | None = None  # the member's first day with the payer, over renewals
    relationship: str | None = None
    birth_date: date | None = None  # as enrolled
    sex: str | None = None  # as enrolled: male, female
    rules: tuple[ServiceRule, ...] = ()
    authorization: AuthorizationTerms = AuthorizationTerms()
    follow_up_days: int = 0  # a consultation again with the same practitioner within these is a follow-up; 0: none is
    filing_days: int | None = None  # from the service to the payer's receipt
    vat_percent: Decimal | None = None  # the rate of tax that may be billed; None: as billed


class FindCover(Struct, frozen=True):
    """Find a member's cover by member number or identifiers, at a payer, on a day."""

    service_date: date
    payer_license: str | None = None
    member_number: str | None = None
    policy_number: str | None = None
    identifiers: tuple[PersonIdentifier, ...] = ()
    birth_date: date | None = None  # of the patient: a newborn is found on the mother's cover


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
    newborn: bool = False  # the cover is the mother's


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
    newborn_born_on: date | None = None  # the member is the mother, and the patient her newborn


class LoadTermsOfDay(Struct, frozen=True):
    """Read what the product's versions of a day grant a member at a provider, without prices and use; locks nothing."""

    payer_organization_id: UUID
    member_id: UUID
    day: date
    provider_organization_id: UUID | None = None


class BenefitUse(Struct, frozen=True):
    """What a decision uses of one benefit, or sub-benefit: it counts for the parents of that one too."""

    benefit: str
    amount: Money  # the payer's part before tax: counts against the limits
    deductible: Money
    count: Decimal = Decimal(0)  # units of service
    days: int = 0  # days of service; a day counts once for a benefit of a claim


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
