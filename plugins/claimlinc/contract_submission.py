"""A whole claim as it was submitted, from a form or from a NPHIES message; others read it through the contract."""

from datetime import date
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
