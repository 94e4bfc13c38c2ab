"""What other agents may know of claims: types, tasks and events."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from masterlinc.money import Money, Quantity


class ClaimType(StrEnum):
    """The five claim types of NPHIES (HL7 claim-type)."""

    INSTITUTIONAL = "institutional"
    ORAL = "oral"
    PHARMACY = "pharmacy"
    PROFESSIONAL = "professional"
    VISION = "vision"


class Use(StrEnum):
    """What the provider asks for (HL7 claim-use)."""

    CLAIM = "claim"
    PREAUTHORIZATION = "preauthorization"


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


class Identifier(Struct, frozen=True):
    """A business identifier as it was sent; `valid` is false when its own rules are broken."""

    system: str
    value: str
    valid: bool = True


class Coding(Struct, frozen=True):
    """A code of a code system."""

    system: str
    code: str
    display: str | None = None


class Subject(Struct, frozen=True):
    """The person who was treated, as the claim names them."""

    name: str
    birth_date: date | None = None
    gender: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    phone: str | None = None


class Cover(Struct, frozen=True):
    """The insurance that the claim is made on."""

    member_id: str | None = None
    member_id_system: str | None = None
    policy_number: str | None = None
    policy_class: str | None = None
    relationship: str | None = None
    network: str | None = None
    subscriber: Subject | None = None


class Diagnosis(Struct, frozen=True):
    """A diagnosis (ICD-10-AM)."""

    sequence: int
    code: str
    type: str = "secondary"
    system: str = "http://hl7.org/fhir/sid/icd-10-am"


class CareTeamMember(Struct, frozen=True):
    """A practitioner who took part in the care."""

    sequence: int
    name: str | None = None
    license: str | None = None
    role: str | None = None
    qualification: str | None = None


class SupportingInfo(Struct, frozen=True):
    """One piece of supporting information; `text` holds whatever value it carried, as text."""

    sequence: int
    category: str
    code: Coding | None = None
    text: str | None = None
    unit: str | None = None
    start: date | None = None
    end: date | None = None
    attachment: str | None = None


class SubLine(Struct, frozen=True):
    """A detail of a package line."""

    sequence: int
    codes: tuple[Coding, ...]
    quantity: Quantity
    unit_price: Money
    net: Money
    tax: Money


class Line(Struct, frozen=True):
    """A billed service; `net` = quantity x unit_price x factor + tax (BV-00251)."""

    sequence: int
    codes: tuple[Coding, ...]
    quantity: Quantity
    unit_price: Money
    net: Money
    tax: Money
    factor: Quantity = Quantity(1)
    service_date: date | None = None
    service_end: date | None = None
    patient_share: Money | None = None
    package: bool = False
    maternity: bool = False
    body_site: str | None = None
    surfaces: tuple[str, ...] = ()
    diagnosis_sequences: tuple[int, ...] = ()
    care_team_sequences: tuple[int, ...] = ()
    information_sequences: tuple[int, ...] = ()
    invoice: str | None = None
    details: tuple[SubLine, ...] = ()


class RelatedClaim(Struct, frozen=True):
    """An earlier claim that this one builds on."""

    identifier: Identifier
    relationship: str


class Attachment(Struct, frozen=True):
    """A document sent with a claim: its title, media type and base64 content."""

    title: str
    content_type: str
    data: str


class ClaimSubmission(Struct, frozen=True):
    """A whole claim, from a form or from a NPHIES message."""

    claim_type: ClaimType
    use: Use
    identifier: Identifier
    created: date
    provider_license: str | None
    payer_license: str | None
    subject: Subject
    cover: Cover
    lines: tuple[Line, ...]
    total: Money
    sub_type: str | None = None
    priority: str = "normal"
    provider_name: str | None = None
    payer_name: str | None = None
    patient_id: UUID | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    care_team: tuple[CareTeamMember, ...] = ()
    supporting_info: tuple[SupportingInfo, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    related: tuple[RelatedClaim, ...] = ()
    preauth_refs: tuple[str, ...] = ()
    episode: str | None = None
    encounter_class: str | None = None
    notes: str | None = None
    message_id: UUID | None = None  # the stored original, where the claim came as a message


class TraceStep(Struct, frozen=True, omit_defaults=True):
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
    """The payer's time to answer a request for a pre-authorization ran out; `follows`: escalate, approve or reject."""

    decision_id: UUID
    organization_id: UUID  # the payer
    follows: str
