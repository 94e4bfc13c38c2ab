"""What the routes of authorizations take and answer."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from claimlinc.contract import Coding
from masterlinc.money import Money, Quantity


class AuthorizationStatus(StrEnum):
    """Where a granted pre-authorization stands."""

    ACTIVE = "active"
    USED_UP = "used_up"
    EXPIRED = "expired"  # for services of days to come; a late claim of a day within still uses it
    CANCELLED = "cancelled"  # by its provider
    WITHDRAWN = "withdrawn"  # the payer took the decision back


class ClockView(Struct):
    """The payer's time for a request: `late` once it was not answered by `due_at`; `when_late` is what follows then."""

    received_at: datetime
    due_at: datetime
    answered_at: datetime | None
    late: bool
    when_late: str


class AuthorizedLineView(Struct):
    """What is granted of a service, and what claims have used of it; amounts are before tax."""

    sequence: int
    codes: tuple[Coding, ...]
    benefit: str
    quantity_granted: Quantity
    quantity_used: Quantity
    quantity_left: Quantity
    amount_granted: Money
    amount_used: Money
    amount_left: Money


class EntryView(Struct):
    """One entry: granted, used, given back (reversal), withdrawn or released."""

    kind: str
    posted_at: datetime
    sequence: int
    quantity: Quantity
    amount: Money


class AuthorizationView(Struct):
    """An authorization in a list."""

    authorization_id: str
    status: AuthorizationStatus
    status_at: datetime
    valid_from: date
    valid_to: date
    provider_id: str | None
    payer_id: str
    claim_number: str  # of the request that was granted


class AuthorizationDetail(AuthorizationView):
    """An authorization with its lines and entries; `member_id` is the payer's number, and told to the payer alone."""

    member_id: str | None
    clock: ClockView | None
    lines: list[AuthorizedLineView]
    entries: list[EntryView]


class AuthorizationPage(Struct):
    """A page of authorizations."""

    authorizations: list[AuthorizationView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class MoreForm(Struct, forbid_unknown_fields=True):
    """How many more units of a line of the authorization are asked for."""

    sequence: int
    quantity: Quantity


class ExtensionForm(Struct, forbid_unknown_fields=True):
    """A request for more of an authorization: units of its lines, for services from `service_date` on."""

    lines: tuple[MoreForm, ...]
    claim_number: str | None = None
    service_date: str | None = None
    notes: str | None = None


class NoticeForm(Struct, forbid_unknown_fields=True):
    """Notice of an emergency: who is treated, insured by whom, and since when."""

    happened_at: datetime
    member_number: str
    payer_id: str
    policy_number: str | None = None


class NoticeView(Struct):
    """A notice as it was recorded: `in_time` where it came by `due_at`."""

    notice_id: str
    happened_at: datetime
    received_at: datetime
    due_at: datetime
    in_time: bool
