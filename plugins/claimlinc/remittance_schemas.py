"""What the routes of remittances, bank lines and ageing take and answer."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from masterlinc.money import Money, Quantity


class RemittanceView(Struct):
    """What a payer sent to a provider: the batch, as the provider sees it."""

    remittance_id: str
    payer_id: str
    state: str  # sent, settled
    claims: int
    payment: Decimal
    early_fee: Decimal
    nphies_fee: Decimal
    amount: Money
    sent_at: datetime
    paid_on: date | None
    bank_reference: str | None


class RemittedLine(Struct):
    """What was decided of a line of a claim that is remitted."""

    sequence: int
    outcome: str
    billed: Money
    paid: Money  # the payer's share
    patient_share: Money
    adjusted: Money  # billed, and neither paid nor the patient's
    approved_quantity: Quantity
    denial_code: str | None
    reason: str
    reason_ar: str


class RemittedClaim(Struct):
    """What is remitted of a claim, and why."""

    claim_number: str
    claim_id: str | None
    kind: str
    reason: str
    entitled: Money
    paid_before: Money
    payment: Decimal
    early_fee: Decimal
    nphies_fee: Decimal
    amount: Decimal
    replaced_by: str | None
    lines: list[RemittedLine]


class RemittanceDetail(RemittanceView):
    """A remittance advice."""

    details: list[RemittedClaim]


class RemittancePage(Struct):
    """A page of remittances."""

    remittances: list[RemittanceView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class BankLineForm(Struct, forbid_unknown_fields=True):
    """A credit of the provider's bank account; the bank's own number tells it from others."""

    transaction_id: str
    booked_on: str
    amount: Any
    reference: str = ""
    sender: str = ""


class BankFile(Struct, forbid_unknown_fields=True):
    """Lines of a bank statement: as `lines`, or as the text of a CSV file."""

    lines: tuple[BankLineForm, ...] | None = None
    csv: str | None = None


class Imported(Struct):
    """What an import added; lines that were known are left as they are."""

    added: int
    known: int
    matched: int


class Matched(Struct):
    """How many bank lines found their remittance."""

    matched: int


class MatchForm(Struct, forbid_unknown_fields=True):
    """A bank line that pays a remittance."""

    bank_line_id: str


class BankLineView(Struct):
    """A bank line."""

    bank_line_id: str
    transaction_id: str
    booked_on: date
    amount: Money
    reference: str
    sender: str
    how: str | None  # what it was matched by: reference, amount, manual


class ReconciledRemittance(Struct):
    """A remittance beside the money that came."""

    remittance_id: str
    payer_id: str
    amount: Money
    received: Money
    difference: Decimal  # received less the amount
    state: str  # exact, partial, over, missing
    bank_lines: list[BankLineView]


class ReconciledClaim(Struct):
    """A claim whose payments are not what its answer says."""

    claim_id: str
    claim_number: str
    expected: Money
    remitted: Decimal
    difference: Decimal  # remitted less expected


class Reconciliation(Struct):
    """Remittances, bank lines and claims side by side; differences to the halala."""

    remittances: list[ReconciledRemittance]
    unmatched: list[BankLineView]
    claims: list[ReconciledClaim]
    complete: bool  # false where more is there than is shown


class AgeBand(Struct):
    """Claims of some age."""

    days_from: int
    days_to: int | None
    claims: int
    amount: Money
    late: int


class AgeGroup(Struct):
    """The claims of a provider at a payer that wait for the same thing."""

    provider_id: str
    payer_id: str | None
    waits_for: str  # answer, payment
    claims: int
    amount: Money
    late: int
    late_amount: Money
    bands: list[AgeBand]


class Ageing(Struct):
    """How long claims wait, on a day; `late` is beyond the clock."""

    as_of: date
    counted_from: str
    days: int
    groups: list[AgeGroup]
    filed_late: int  # submitted later after the service than the clock allows
