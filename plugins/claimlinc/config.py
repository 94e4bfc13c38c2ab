"""Settings of claimlinc: `[agents.claimlinc]`."""

from typing import Annotated

from msgspec import Meta, Struct


class ClaimlincConfig(Struct, forbid_unknown_fields=True, kw_only=True):
    """How claims are taken."""

    max_lines: int = 999
    estimated_minutes: int = 5  # what a submitter is told to expect
    simulation_claims: Annotated[int, Meta(ge=1, le=100_000)] = 5_000  # that one request may have decided again
    references_seconds: float = 60.0  # how long organizations and practitioners that claims name are remembered
    batch_claims: Annotated[int, Meta(ge=1, le=5_000)] = 1_000  # of one payment batch; others are due to the next
    # What NPHIES keeps of a payment, in per cent. An assumption of 2026-12-01: the one sample of a
    # PaymentReconciliation (2021) shows 1 per cent; no price list was found.
    nphies_fee_percent: Annotated[float, Meta(ge=0, le=100)] = 1.0
    # Days to submit after the service, and to pay after the claim was received: CCHI circular of October 2018.
    filing_days: Annotated[int, Meta(ge=1, le=3650)] = 45
    settlement_days: Annotated[int, Meta(ge=1, le=3650)] = 45
    # Persons in the smallest group that research is shown. An assumption of 2026-12-01: no Saudi figure was found; the
    # US Centers for Medicare & Medicaid Services publish no cell of fewer than 11. The database takes no lower one.
    research_smallest_group: Annotated[int, Meta(ge=11, le=10_000)] = 11
    # How a payer's people work where the payer has no terms of review of its own (docs/review.md). Assumptions of
    # 2026-12-01: neither NPHIES nor CHI gives a figure for one of them.
    review_alone_up_to: Annotated[int, Meta(ge=0, le=999_999_999)] = 10_000  # SAR of the payer's share, by one person
    review_appeal_days: Annotated[int, Meta(ge=1, le=3650)] = 60  # from the decision
    review_answer_hours: Annotated[int, Meta(ge=1, le=8760)] = 72  # from the opening of a case
