"""What the routes of review take and answer."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct, field

from claimlinc.authorization_schemas import ClockView
from claimlinc.schemas import PayerAdjudicationView
from masterlinc.money import Money, Quantity

ReissueReason = Literal["correction", "adjudication", "miscalculation", "benefit", "audit", "cancel", "other"]


class RulingForm(Struct, forbid_unknown_fields=True):
    """What a person decides about a line; amounts are before tax, and the shares are computed."""

    sequence: int
    decision: Literal["approve", "partial", "reject"]
    amount: Money | None = None
    quantity: Quantity | None = None
    denial_code: str | None = None
    reason: str = ""
    reason_ar: str = ""
    override: bool = False
    override_reason: str = ""
    override_reason_ar: str = ""


class RulingsForm(Struct, forbid_unknown_fields=True):
    """The decision on a case; lines that are not named stay as they were ruled on, or as the rules have them."""

    lines: tuple[RulingForm, ...]
    reissue_reason: ReissueReason | None = None


class ConfirmationForm(Struct, forbid_unknown_fields=True):
    """Whether a second person agrees to what was proposed."""

    agree: bool
    note: str = ""


class AssigneeForm(Struct, forbid_unknown_fields=True):
    """Who works on a case: `me`, a user of the payer, or nobody."""

    assignee: str | None


class SaidForm(Struct, forbid_unknown_fields=True):
    """What is asked, told or noted."""

    text: str


class ReopeningForm(Struct, forbid_unknown_fields=True):
    """Which decided claim the payer looks at again, and why."""

    claim_id: str
    reason: ReissueReason
    note: str = ""


class RerunForm(Struct, forbid_unknown_fields=True):
    """Let the rules decide again, with what is known now."""

    reissue_reason: ReissueReason | None = None


class AppealForm(Struct, forbid_unknown_fields=True):
    """Why the provider does not accept the decision."""

    reason: str


class ReviewTermsForm(Struct, forbid_unknown_fields=True):
    """How a payer's people work from a day on."""

    effective_from: date
    alone_up_to: Money
    appeal_days: int
    answer_hours: int


class ReviewTermsView(Struct):
    """How a payer's people work from a day on; without a day, as the system has it."""

    effective_from: date | None
    alone_up_to: Money
    appeal_days: int
    answer_hours: int


class ReviewTermsList(Struct):
    """All terms of review of a payer, the latest first, and those of today."""

    today: ReviewTermsView
    terms: list[ReviewTermsView]


class ReviewView(Struct):
    """A case in the queue."""

    review_id: str
    claim_number: str
    provider_license: str
    use: str
    cause: str
    status: str
    assignee: str | None
    escalated: bool
    opened_at: datetime
    due_at: datetime
    decision_number: int
    billed: Money
    payer_share: Money


class ReviewMoved(Struct):
    """How a case stands after it moved."""

    review_id: str
    status: str
    assignee: str | None
    escalated: bool


class ReviewPage(Struct):
    """A page of the queue, the oldest due first."""

    reviews: list[ReviewView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class BilledLine(Struct):
    """A line as it was billed."""

    sequence: int
    service_code: str
    quantity: Quantity
    unit_price: Money
    factor: Quantity
    tax: Money
    net: Money
    service_date: date | None


class ReviewStepView(Struct):
    """What happened to a case."""

    number: int
    event: str
    role: str
    status: str
    actor: str | None  # a user of the payer; null for the rules and the provider
    said: str | None
    at: datetime


class ProposalView(Struct):
    """What one person decided and another one has to agree to."""

    lines: list[RulingForm]
    payer_share: Money
    proposed_by: str
    proposed_at: datetime


class ReviewDetail(ReviewView):
    """A case with its lines, its last decision, what is proposed, and its history."""

    claim_id: str | None  # null where the provider is not in this system
    alone_up_to: Money
    lines: list[BilledLine]
    adjudication: PayerAdjudicationView
    proposal: ProposalView | None
    history: list[ReviewStepView] = field(default_factory=list)
    clock: ClockView | None = None  # the payer's time for a request for a pre-authorization


class ToldStep(Struct):
    """What was said between provider and payer about a claim, and what came of it."""

    event: str
    status: str
    said: str | None
    at: datetime


class ClaimReview(Struct):
    """A claim's review as its provider sees it."""

    claim_id: str
    status: str
    last_appeal_day: date | None  # null where there is nothing to appeal against
    steps: list[ToldStep]
