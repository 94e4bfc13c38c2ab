"""All that a decision rests on besides the submission; kept with it, so that it can be made again."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from claimlinc.contract import Coding, Outcome
from masterlinc.money import Money, Quantity
from policylinc.contract import Terms


class PastLine(Struct, frozen=True):
    """A line of the member that this payer decided before, of another claim."""

    decision_id: UUID
    claim: str  # the provider's number
    sequence: int
    service_date: date
    provider_organization_id: UUID | None
    codes: tuple[Coding, ...]
    benefit: str
    quantity: Decimal
    outcome: Outcome
    body_site: str | None = None
    surfaces: tuple[str, ...] = ()
    practitioner: str | None = None  # a licence
    diagnoses: tuple[str, ...] = ()  # principal first
    days_supply: int | None = None
    claim_system: str = ""  # of the provider's number


class AuthorizedLine(Struct, frozen=True):
    """What is left of an authorized service."""

    codes: tuple[Coding, ...]
    quantity_left: Decimal
    amount_left: Money  # of what may be allowed, before tax and before the shares
    sequence: int = 0  # within its authorization


class Authorization(Struct, frozen=True):
    """A pre-authorization of the member that holds on the service date."""

    reference: str  # AUT-...
    valid_from: date
    valid_to: date
    lines: tuple[AuthorizedLine, ...]


class EmergencyNotice(Struct, frozen=True):
    """What the payer was told of an emergency; nothing where `received_at` is None."""

    hours: int  # that the payer's terms give
    happened_at: datetime | None = None
    received_at: datetime | None = None
    in_time: bool | None = None


class LineRuling(Struct, frozen=True):
    """What a person of the payer decided about a line; amounts are before tax."""

    sequence: int
    outcome: Outcome  # approved, partial or rejected
    amount: Money | None = None  # None: all that the contract allows
    quantity: Quantity | None = None  # None: as billed
    denial_code: str | None = None
    reason: str = ""
    reason_ar: str = ""
    override: bool = False  # of the rules on cover, price and limits
    override_reason: str = ""
    override_reason_ar: str = ""


class Review(Struct, frozen=True):
    """What persons of the payer decided, or its terms as its time ran out; other lines are the rules' own."""

    reviewer: str  # USR-..., empty where nobody did
    rulings: tuple[LineRuling, ...]
    second_reviewer: str | None = None
    ran_out: str = ""  # the moment, in Riyadh, until which a person had time

    @property
    def by(self) -> str:
        """Return who answers with it: a person or the clock."""
        return "clock" if self.ran_out else "person"


class Facts(Struct, frozen=True):
    """What the payer knew: the terms of the day, what came before, and when the claim came."""

    terms: Terms | None  # None: nobody is known by these identifiers
    history: tuple[PastLine, ...] = ()  # ordered by service date, claim and sequence
    authorizations: tuple[Authorization, ...] = ()  # ordered by reference
    received_on: date | None = None
    preauth_ref: str | None = None  # the number that this decision gives, where it is one on a pre-authorization
    enrolled_by_simulator: bool = False
    review: Review | None = None
    provider_organization_id: UUID | None = None  # who sent the claim, where they are known here
    corrects: tuple[str, ...] = ()  # numbers of the provider's claims that this payer decided and this one corrects
    emergency_notice: EmergencyNotice | None = None  # None: the claim is about no emergency
