"""What other agents may know of claims: types, tasks and events."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from msgspec import Struct

from claimlinc.contract_submission import (
    Attachment,
    CareTeamMember,
    ClaimSubmission,
    ClaimType,
    Coding,
    Cover,
    Diagnosis,
    Identifier,
    Line,
    RelatedClaim,
    Subject,
    SubLine,
    SupportingInfo,
    Use,
)
from masterlinc.money import Money, Quantity

# What the other part defines; what is defined here is found here anyway.
__all__ = [
    "Attachment",
    "CareTeamMember",
    "ClaimSubmission",
    "ClaimType",
    "Coding",
    "Cover",
    "Diagnosis",
    "Identifier",
    "Line",
    "RelatedClaim",
    "SubLine",
    "Subject",
    "SupportingInfo",
    "Use",
]


class Outcome(StrEnum):
    """The decision on a claim or a line (NPHIES adjudication-outcome)."""

    APPROVED = "approved"
    PARTIAL = "partial"
    REJECTED = "rejected"
    PENDED = "pended"


class ClaimStatus(StrEnum):
    """Where a claim stands, for its provider and, as a case, for its payer."""

    PENDING = "pending"  # its workflow is running
    PENDED = "pended"  # the payer has it and has not decided
    APPROVED = "approved"
    PARTIAL = "partial"
    REJECTED = "rejected"
    ERROR = "error"  # the hub or the payer refused the message; nothing was decided
    INFORMATION_REQUESTED = "information_requested"  # the payer asked the provider, and waits
    SECOND_REVIEW = "second_review"  # of a case: one person decided, and another one has to agree
    APPEALED = "appealed"  # the provider does not accept the decision, and the payer looks again
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # by a correction, a claim of its own
    PAID = "paid"


class ClaimEvent(StrEnum):
    """What may happen to a claim, or to its payer's case on it."""

    SUBMIT = "submit"
    APPROVE = "approve"
    APPROVE_IN_PART = "approve_in_part"
    REJECT = "reject"
    PEND = "pend"  # a person of the payer has to decide
    REFUSE = "refuse"  # the message was not taken: nothing is decided
    ASSIGN = "assign"  # somebody takes it, is given it, or puts it back
    ESCALATE = "escalate"  # it is hard, or late
    ASK = "ask"  # the payer wants to know more
    INFORM = "inform"  # the provider tells it
    PROPOSE = "propose"  # decided by one person, and above what one may decide alone
    SEND_BACK = "send_back"  # the second person does not agree
    APPEAL = "appeal"
    REOPEN = "reopen"  # the payer looks at its own decision again
    CANCEL = "cancel"
    REPLACE = "replace"  # a correction, which is a new claim, stands in its place
    PAY = "pay"


class TraceStep(Struct, frozen=True, omit_defaults=True, gc=False):
    """One rule that looked at a line: its version, what it saw and what it found.

    Its words are made from the rule's case when somebody reads them; steps that were kept with words keep those.
    """

    rule: str
    version: str
    inputs: dict[str, str]
    result: str
    text: str = ""
    text_ar: str = ""
    case: str = ""


class LineDecision(Struct, frozen=True):
    """The decision on one line; payer_share + patient_share = allowed + tax."""

    sequence: int
    outcome: Outcome
    benefit: str
    billed: Money
    allowed: Money
    deductible: Money
    copay: Money
    tax: Money
    payer_tax: Money  # the part of `tax` inside payer_share
    payer_share: Money
    patient_share: Money
    approved_quantity: Quantity
    reason: str = ""  # made from the trace when it is kept or sent
    reason_ar: str = ""
    denial_code: str | None = None
    trace: tuple[TraceStep, ...] = ()
    authorization: str | None = None  # the reference of the pre-authorization that the line uses


class Totals(Struct, frozen=True):
    """Sums over the lines."""

    billed: Money
    allowed: Money
    deductible: Money
    copay: Money
    tax: Money
    payer_tax: Money
    payer_share: Money
    patient_share: Money


class Decision(Struct, frozen=True):
    """The decision on a claim, with its reasons."""

    outcome: Outcome
    lines: tuple[LineDecision, ...]
    totals: Totals
    disposition: str
    disposition_ar: str
    rules_version: str
    trace: tuple[TraceStep, ...] = ()  # what was found about the claim as a whole
    preauth_ref: str | None = None


# Tasks -------------------------------------------------------------------------------------------


class RecordClaim(Struct, frozen=True):
    """Record a submission of the caller's organization and start its workflow."""

    submission: ClaimSubmission


class RecordedClaim(Struct, frozen=True):
    """A claim's number; `duplicate` when its business key was recorded before."""

    claim_id: str
    status: ClaimStatus
    submitted_at: datetime
    duplicate: bool = False


class LoadClaim(Struct, frozen=True):
    """Load a claim of the caller's organization by its id."""

    claim_id: UUID


class LoadedClaim(Struct, frozen=True):
    """A recorded claim with the lines as they were normalised."""

    claim_id: UUID
    organization_id: UUID
    payer_organization_id: UUID | None
    status: ClaimStatus
    submission: ClaimSubmission
    normalized_lines: tuple[Line, ...]
    signature: str | None = None


class DecideSubmission(Struct, frozen=True):
    """Decide a submission as its payer, post the benefit ledger, keep the decision.

    The same submission (provider, its licence and identifier) is decided once; again it answers the kept decision.
    """

    payer_organization_id: UUID
    provider_organization_id: UUID | None
    submission: ClaimSubmission
    enrolled_by_simulator: bool = False


class DecidedSubmission(Struct, frozen=True):
    """A payer's kept decision."""

    decision_id: UUID
    decided_at: datetime
    decision: Decision
    number: int = 1  # on its submission
    reissue_reason: str | None = None  # why it takes the place of one that was complete (NPHIES reissue reason)


class AnswerLine(Struct, frozen=True):
    """What a ClaimResponse says of one line."""

    sequence: int
    outcome: Outcome
    billed: Money
    allowed: Money
    deductible: Money
    copay: Money
    tax: Money
    payer_tax: Money
    payer_share: Money
    patient_share: Money
    approved_quantity: Quantity
    denial_code: str | None = None


class AnswerError(Struct, frozen=True):
    """A fault that the hub or the payer named."""

    code: str
    detail: str
    detail_ar: str
    path: str | None = None


class RecordAnswer(Struct, frozen=True):
    """Record what the payer (or the hub) answered to a claim of the caller's organization."""

    claim_id: UUID
    status: ClaimStatus
    lines: tuple[AnswerLine, ...] = ()
    errors: tuple[AnswerError, ...] = ()
    disposition: str | None = None
    preauth_ref: str | None = None
    payer_decision_id: UUID | None = None  # the payer's own decision, where the payer lives in this system
    message_id: UUID | None = None


class RecordedAnswer(Struct, frozen=True):
    """The number of the answer: 1 for the first."""

    number: int


class AppealDecision(Struct, frozen=True):
    """Ask a decision's payer to look again; the caller is the provider of the claim."""

    payer_organization_id: UUID
    decision_id: UUID
    reason: str


class GiveInformation(Struct, frozen=True):
    """Tell a decision's payer what it asked; the caller is the provider of the claim."""

    payer_organization_id: UUID
    decision_id: UUID
    text: str


class TakenUp(Struct, frozen=True):
    """The payer's case that a provider's word was taken up in."""

    review_id: str
    status: ClaimStatus


class CancelReason(StrEnum):
    """Why a provider takes a claim back (NPHIES task-reason-code)."""

    WRONG_INFORMATION = "WI"
    NOT_PERFORMED = "NP"
    ALREADY_SUBMITTED = "TAS"


class CancelDecision(Struct, frozen=True):
    """End a payer's decision because its provider cancels the claim: its use is taken back. Joins the transaction."""

    payer_organization_id: UUID
    provider_organization_id: UUID
    decision_id: UUID
    reason: CancelReason


class EndedDecision(Struct, frozen=True):
    """The last decision on the submission, which was ended."""

    decision_id: UUID


# Events ------------------------------------------------------------------------------------------


class ClaimSubmitted(Struct, frozen=True, tag="claimlinc.claim_submitted.v1"):
    """A claim was recorded and its workflow was started."""

    claim_id: UUID
    organization_id: UUID


class ClaimDecided(Struct, frozen=True, tag="claimlinc.claim_decided.v1"):
    """The payer's answer to a claim was recorded."""

    claim_id: UUID
    organization_id: UUID
    status: ClaimStatus


class AuthorizationOverdue(Struct, frozen=True, tag="claimlinc.authorization_overdue.v1"):
    """The payer's time to answer a request for a pre-authorization ran out, and what followed."""

    decision_id: UUID
    organization_id: UUID  # the payer
    follows: Literal["escalate", "approve", "reject"]


class ClaimReplaced(Struct, frozen=True, tag="claimlinc.claim_replaced.v1"):
    """A correction of the claim was decided and stands in its place."""

    claim_id: UUID
    organization_id: UUID
    by_claim_id: UUID


class ClaimCancelled(Struct, frozen=True, tag="claimlinc.claim_cancelled.v1"):
    """The provider took the claim back, and the payer's decision on it ended."""

    claim_id: UUID
    organization_id: UUID


class CaseMoved(Struct, frozen=True, tag="claimlinc.case_moved.v1"):
    """Something happened to a payer's case on a claim; its `organization_id` is the payer's."""

    case_id: UUID
    organization_id: UUID
    provider_organization_id: UUID | None
    decision_id: UUID  # the last one on the submission
    event: ClaimEvent
    status: ClaimStatus


class ClaimAppealed(Struct, frozen=True, tag="claimlinc.claim_appealed.v1"):
    """The provider asked the payer to decide again."""

    claim_id: UUID
    organization_id: UUID
    decision_id: UUID


class BatchSent(Struct, frozen=True, tag="claimlinc.batch_sent.v1"):
    """A payment batch was sent: the provider has a remittance."""

    batch_id: UUID
    organization_id: UUID  # the payer
    provider_organization_id: UUID


class BatchSettled(Struct, frozen=True, tag="claimlinc.batch_settled.v1"):
    """The bank paid a batch, says its payer."""

    batch_id: UUID
    organization_id: UUID  # the payer
    provider_organization_id: UUID
