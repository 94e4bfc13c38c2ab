"""What the routes take and answer."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct, field

from claimlinc.contract import ClaimType, TraceStep, Use
from masterlinc.errors import FieldError
from masterlinc.money import ZERO, Money, Quantity


class IdentifierForm(Struct, forbid_unknown_fields=True):
    """A number that names a person."""

    type: Literal["national_id", "iqama", "passport", "border_number", "displaced_person", "mrn"]
    value: str


class PatientForm(Struct, forbid_unknown_fields=True):
    """A patient who is not registered with the provider here."""

    name: str
    birth_date: date | None = None
    gender: Literal["male", "female", "other", "unknown"] | None = None
    phone: str | None = None
    identifiers: tuple[IdentifierForm, ...] = ()


class LineForm(Struct, forbid_unknown_fields=True):
    """A billed service; `net` is computed where it is left out."""

    service_code: str
    unit_price: Money
    code_system: str | None = None
    display: str | None = None
    sequence: int | None = None
    quantity: Quantity = Quantity(1)
    factor: Quantity = Quantity(1)
    tax: Money = ZERO
    net: Money | None = None
    service_date: str | None = None
    service_end: str | None = None
    patient_share: Money | None = None
    package: bool = False
    maternity: bool = False
    body_site: str | None = None
    surfaces: tuple[str, ...] = ()
    diagnosis_sequences: tuple[int, ...] = ()
    care_team_sequences: tuple[int, ...] = ()
    information_sequences: tuple[int, ...] = ()
    invoice: str | None = None


class DiagnosisForm(Struct, forbid_unknown_fields=True):
    """A diagnosis; the first one is the principal where none says so."""

    code: str
    type: str | None = None
    sequence: int | None = None


class CareTeamForm(Struct, forbid_unknown_fields=True):
    """A practitioner who took part."""

    license: str | None = None
    name: str | None = None
    role: str | None = None
    qualification: str | None = None
    sequence: int | None = None


class SupportingInfoForm(Struct, forbid_unknown_fields=True):
    """One piece of supporting information."""

    category: str
    code: str | None = None
    code_system: str | None = None
    text: str | None = None
    unit: str | None = None
    start: date | None = None
    end: date | None = None
    attachment: str | None = None
    sequence: int | None = None


class AttachmentForm(Struct, forbid_unknown_fields=True):
    """A document: its title, media type and base64 content."""

    title: str
    content_type: str
    data: str


class RelatedForm(Struct, forbid_unknown_fields=True):
    """An earlier claim that this one builds on."""

    claim_number: str
    relationship: str = "prior"
    system: str | None = None


class ClaimForm(Struct, forbid_unknown_fields=True):
    """A claim: the short form names one `service_code` and `amount`, the full form has `lines`."""

    patient_id: str | None = None
    provider_id: str | None = None
    service_code: str | None = None
    amount: Money | None = None
    diagnosis_codes: tuple[str, ...] = ()
    service_date: str | None = None
    notes: str | None = None
    type: ClaimType | None = None
    claim_type: ClaimType | None = None
    sub_type: str | None = None
    use: Use = Use.CLAIM
    claim_number: str | None = None
    priority: str = "normal"
    patient: PatientForm | None = None
    payer_id: str | None = None
    policy_number: str | None = None
    policy_class: str | None = None
    member_number: str | None = None
    relationship: str | None = None
    lines: tuple[LineForm, ...] | None = None
    diagnoses: tuple[DiagnosisForm, ...] = ()
    care_team: tuple[CareTeamForm, ...] = ()
    supporting_info: tuple[SupportingInfoForm, ...] = ()
    attachments: tuple[AttachmentForm, ...] = ()
    related: tuple[RelatedForm, ...] = ()
    preauth_refs: tuple[str, ...] = ()
    total: Money | None = None
    episode: str | None = None
    encounter_class: str | None = None


class ValidateClaim(Struct, forbid_unknown_fields=True):
    """Check a claim without recording it."""

    claim: ClaimForm


class ValidatedClaim(Struct):
    """Whether a claim could be submitted; every fault has its path."""

    valid: bool
    errors: tuple[FieldError, ...] = ()


class SubmittedView(Struct):
    """The answer to a submission."""

    claim_id: str
    status: str
    submitted_at: datetime
    estimated_processing_time: int  # minutes


class StepView(Struct):
    """A stage of the claim."""

    step: str
    status: Literal["completed", "processing", "pending", "failed"]
    timestamp: datetime | None
    reason: str | None = None  # why it did not finish yet, for whoever looks after the system


class LineView(Struct):
    """A line as it was billed, and as the exchange knows it."""

    sequence: int
    service_code: str
    quantity: Quantity
    unit_price: Money
    tax: Money
    net: Money
    service_date: date | None
    normalized_code: str | None = None
    normalized_system: str | None = None


class FindingView(Struct):
    """A warning that a step found."""

    step: str
    rule: str
    severity: str
    path: str
    detail: str
    detail_ar: str


class ClaimView(Struct):
    """A claim in a list."""

    claim_id: str
    patient_id: str
    provider_id: str
    service_code: str
    amount: Money
    status: str
    submitted_at: datetime
    updated_at: datetime
    claim_number: str
    claim_type: str
    use: str
    workflow_steps: list[StepView]


class ClaimDetail(ClaimView):
    """A claim with its lines and what was found about it."""

    corrects: list[str] = field(default_factory=list)
    corrected_by: str | None = None
    lines: list[LineView] = field(default_factory=list)
    findings: list[FindingView] = field(default_factory=list)


class PayerStepView(Struct):
    """A stage of the claim, as its payer sees it: why it waits is the provider's business."""

    step: str
    status: Literal["completed", "processing", "pending", "failed"]
    timestamp: datetime | None


class PayerClaimView(Struct):
    """A claim in a payer's list: the member as the payer knows them, not the provider's own number."""

    claim_id: str
    member_number: str | None
    provider_id: str
    service_code: str
    amount: Money
    status: str
    submitted_at: datetime
    updated_at: datetime
    claim_number: str
    claim_type: str
    use: str
    workflow_steps: list[PayerStepView]


class PayerClaimDetail(PayerClaimView):
    """A claim with its lines, as its payer sees it: what the provider's own checks found is not told."""

    corrects: list[str]
    corrected_by: str | None
    lines: list[LineView]


class ClaimPage(Struct):
    """A page of a provider's own claims."""

    claims: list[ClaimView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class PayerClaimPage(Struct):
    """A page of claims that are addressed to a payer."""

    claims: list[PayerClaimView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class ExplainedStep(Struct):
    """A rule that looked, as it is explained to the provider; what the payer knew besides is the payer's."""

    rule: str
    result: str
    text: str
    text_ar: str


class AdjudicatedLine(Struct):
    """What was decided about a line, and why."""

    sequence: int
    service_code: str
    outcome: str
    benefit: str | None
    billed: Money
    allowed: Money
    deductible: Money
    copay: Money
    tax: Money
    payer_share: Money
    patient_share: Money
    approved_quantity: Quantity
    denial_code: str | None
    reason: str
    reason_ar: str


class ExplainedLine(AdjudicatedLine):
    """A line as its provider sees it."""

    trace: tuple[ExplainedStep, ...]


class DecidedLine(AdjudicatedLine):
    """A line as its payer sees it: each rule with what it was based on."""

    trace: tuple[TraceStep, ...]


class AdjudicatedTotals(Struct):
    """Sums over the lines."""

    billed: Money
    allowed: Money
    deductible: Money
    copay: Money
    tax: Money
    payer_share: Money
    patient_share: Money


class AnswerFault(Struct):
    """A fault that the hub or the payer named."""

    code: str
    detail: str
    detail_ar: str
    path: str | None


class Adjudication(Struct):
    """What both parties see of a decision; before there is one, `outcome` and `totals` are null."""

    claim_id: str
    status: str
    outcome: str | None
    totals: AdjudicatedTotals | None
    disposition: str | None
    disposition_ar: str | None
    preauth_ref: str | None
    decided_at: datetime | None
    rules_version: str | None
    decision_number: int | None  # on the submission; null where the payer is not here
    reissue_reason: str | None  # why the decision takes the place of the one before
    errors: list[AnswerFault]


class AdjudicationView(Adjudication):
    """The decision on a claim, explained to its provider."""

    lines: list[ExplainedLine]
    trace: tuple[ExplainedStep, ...]


class PayerAdjudicationView(Adjudication):
    """The decision on a claim, as the payer who made it sees it."""

    lines: list[DecidedLine]
    trace: tuple[TraceStep, ...]


# What a route answers each party.
ClaimSeen = ClaimDetail | PayerClaimDetail
ClaimsSeen = ClaimPage | PayerClaimPage
AdjudicationSeen = AdjudicationView | PayerAdjudicationView
