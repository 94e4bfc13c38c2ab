"""What a simulation is asked for, and what it answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from masterlinc.money import Money, Quantity
from policylinc.contract import LimitKind, LimitPer

Code = Annotated[str, Meta(min_length=1, max_length=100)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]
Text = Annotated[str, Meta(min_length=1, max_length=60)]
RuleName = Annotated[str, Meta(min_length=1, max_length=60)]


class LimitOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit in the place of the one of the same kind and span."""

    kind: LimitKind
    per: LimitPer
    value: Quantity | None  # null: no such limit


class BenefitOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """What is other of one benefit; null lifts a cap or limit, what is left out stays as it was."""

    covered: bool | UnsetType = UNSET
    copay_percent: Quantity | UnsetType = UNSET
    copay_cap: Money | UnsetType | None = UNSET
    limit: Money | UnsetType | None = UNSET  # a policy year
    limits: Annotated[tuple[LimitOverride, ...], Meta(max_length=20)] = ()


class Overrides(Struct, frozen=True, forbid_unknown_fields=True):
    """What is other of the terms; `benefits` by their names, `*` for those that are not named."""

    benefits: Annotated[dict[Name, BenefitOverride], Meta(max_length=100)] = {}
    deductible: Money | UnsetType = UNSET
    annual_limit: Money | UnsetType = UNSET
    percent_of_billed: Quantity | UnsetType = UNSET
    prices: Annotated[dict[Code, Money], Meta(max_length=1000)] = {}  # by the code of the service
    rules_off: Annotated[tuple[RuleName, ...], Meta(max_length=100)] = ()
    policy_version: Text | None = None  # the day whose version of the product is taken


class SimulationForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Which claims are decided again, and on what."""

    since: Text | None = None
    until: Text | None = None
    claim_ids: Annotated[tuple[Text, ...], Meta(max_length=1000)] | None = None
    overrides: Overrides | None = None


class Amounts(Struct):
    """Sums over claims, or how much they differ; negative where it is less than before."""

    allowed: Decimal
    deductible: Decimal
    copay: Decimal
    tax: Decimal
    payer_share: Decimal
    patient_share: Decimal


class Riyals(Struct):
    """All claims together: as they were decided, as they would be, and the difference."""

    before: Amounts
    after: Amounts
    difference: Amounts


class RuleDifference(Struct):
    """Lines that changed because this rule, as the first, found something else."""

    rule: str
    title: str
    title_ar: str
    lines: int
    payer_share: Decimal
    patient_share: Decimal


class PartyDifference(Struct):
    """What changed for one payer or provider; `party_id` is null where only the licence is known."""

    party_id: str | None
    license: str | None
    changed: int
    payer_share: Decimal
    patient_share: Decimal


class OutcomeDifference(Struct):
    """How many changed claims went from one outcome to another, or stayed."""

    before: str
    after: str
    claims: int


class Difference(Struct):
    """The difference by rule, payer, provider, outcome and riyal."""

    riyals: Riyals
    by_rule: list[RuleDifference]
    by_payer: list[PartyDifference]
    by_provider: list[PartyDifference]
    by_outcome: list[OutcomeDifference]
    providers_left_out: int  # with the smallest differences, where there are more than are shown


class ChangedClaim(Struct):
    """A claim that would be decided otherwise."""

    decision_id: UUID
    claim_number: str
    provider_id: str | None
    decided_at: datetime
    outcome_before: str
    outcome_after: str
    payer_share_before: Money
    payer_share_after: Money
    patient_share_before: Money
    patient_share_after: Money
    rules: list[str]


class Simulation(Struct):
    """What a simulation found; nothing was changed."""

    claims: int
    changed: int
    changed_lines: int
    difference: Difference
    sample: list[ChangedClaim]
