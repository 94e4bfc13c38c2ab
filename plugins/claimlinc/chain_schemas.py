"""What cancelling takes and answers over HTTP."""

from datetime import datetime

from msgspec import Struct

from claimlinc.contract import CancelReason


class CancelForm(Struct, forbid_unknown_fields=True):
    """Why a claim is taken back."""

    reason: CancelReason


class ClaimCancelledView(Struct):
    """The answer to a cancellation."""

    claim_id: str
    status: str
    reason: str
    cancelled_at: datetime
