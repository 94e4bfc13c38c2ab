"""What the routes of payment batches take and answer; amounts that may be taken back are signed."""

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from masterlinc.money import Money, Quantity


class BatchForm(Struct, forbid_unknown_fields=True):
    """Which claims are to be paid: all that is due to a provider, or what was decided by a day."""

    provider_id: str
    decided_until: date | None = None
    early_fee_percent: Quantity = Quantity(0)  # what was agreed for paying early


class SettleForm(Struct, forbid_unknown_fields=True):
    """When the bank paid, and under which of its numbers."""

    paid_on: date
    bank_reference: str


class DueView(Struct):
    """What is due to a provider and in no batch."""

    provider_id: str
    claims: int
    payment: Decimal
    oldest_decision: datetime


class DuePage(Struct):
    """What is due, by provider."""

    due: list[DueView]


class BatchView(Struct):
    """A payment batch, as the payer sees it."""

    batch_id: str
    provider_id: str
    state: str
    claims: int
    payment: Decimal
    early_fee: Decimal
    nphies_fee: Decimal
    amount: Money
    early_fee_percent: Decimal
    nphies_fee_percent: Decimal
    made_by: str
    made_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    sent_at: datetime | None
    settled_at: datetime | None
    withdrawn_at: datetime | None
    paid_on: date | None
    bank_reference: str | None


class PaidClaim(Struct):
    """What a batch pays of a claim, or takes back."""

    claim_number: str
    decision_id: str
    kind: str  # payment, adjustment
    reason: str  # decided, decided_again, replaced, cancelled
    entitled: Money
    paid_before: Money
    payment: Decimal
    early_fee: Decimal
    nphies_fee: Decimal
    amount: Decimal


class BatchDetail(BatchView):
    """A batch with its claims."""

    lines: list[PaidClaim]


class BatchPage(Struct):
    """A page of batches."""

    batches: list[BatchView]
    total: int
    page: int
    page_size: int
    total_exact: bool
