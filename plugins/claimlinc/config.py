"""Settings of claimlinc: `[agents.claimlinc]`."""

from msgspec import Struct


class ClaimlincConfig(Struct, forbid_unknown_fields=True, kw_only=True):
    """How claims are taken."""

    max_lines: int = 999
    estimated_minutes: int = 5  # what a submitter is told to expect
    references_seconds: float = 60.0  # how long organizations and practitioners that claims name are remembered
