"""What cancelling takes and answers, on the provider's side and on the payer's."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


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


class CancelForm(Struct, forbid_unknown_fields=True):
    """Why a claim is taken back."""

    reason: CancelReason


class ClaimCancelledView(Struct):
    """The answer to a cancellation."""

    claim_id: str
    status: str
    reason: str
    cancelled_at: datetime
