"""Bodies of the routes of proposals and terms."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct

from policylinc.changes.applying import ItemChange
from policylinc.changes.importing import Outcome

Note = Annotated[str, Meta(min_length=1, max_length=2000)]


class ProposalForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """A document that changes terms, and why."""

    document: Raw
    reason: Note
    backdated: bool = False  # days that are over may be changed


class DecisionForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """What somebody says who approves a proposal, or takes their own back."""

    note: Note | None = None


class RefusalForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """Why somebody declines a proposal."""

    note: Note


class ProposalView(Struct, kw_only=True):
    """A proposal in a list."""

    proposal_id: str
    kind: str
    subject: str
    effective_from: date
    status: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    added: int
    changed: int
    ended: int


class ProposalDetail(ProposalView, kw_only=True):
    """A proposal with what it changes, and the document that does it."""

    items: tuple[ItemChange, ...]
    document: Raw


class ProposalPage(Struct, kw_only=True):
    """Some proposals, the latest first."""

    proposals: list[ProposalView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class ImportAnswer(Struct, kw_only=True):
    """What the documents of a file would do, and the proposals that were made of them."""

    checked_only: bool
    outcomes: tuple[Outcome, ...]
    proposals: tuple[ProposalView, ...]


class TermsInForce(Struct, kw_only=True):
    """The document that says what holds on a day; proposed again, it changes nothing."""

    kind: str
    subject: str
    day: date
    document: Raw
