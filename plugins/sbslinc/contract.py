"""What other agents may know of codes, financial rules and signatures."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from masterlinc.money import Money, Quantity


class MappingSource(StrEnum):
    """Where a normalised code came from."""

    AS_SENT = "as_sent"  # the code already belongs to an official system
    MANUAL = "manual"  # the facility's mapping table
    RULE_BASED = "rule_based"  # a recognised shape of an official code
    NONE = "none"  # not recognised: kept as sent


class CodeToNormalize(Struct, frozen=True):
    """A line's code as the provider wrote it."""

    sequence: int
    system: str | None
    code: str
    display: str | None = None


class NormalizedCode(Struct, frozen=True):
    """A line's code as the exchange knows it."""

    sequence: int
    system: str
    code: str
    display: str | None
    display_ar: str | None
    source: MappingSource
    confidence: Decimal  # 0..1; 1 for an exact mapping


class NormalizeCodes(Struct, frozen=True):
    """Normalise the codes of a claim of an organization."""

    organization_id: UUID
    claim_type: str
    codes: tuple[CodeToNormalize, ...]


class NormalizedCodes(Struct, frozen=True):
    """The normalised codes, in the order of the request."""

    codes: tuple[NormalizedCode, ...]


class MapFacilityCode(Struct, frozen=True):
    """Keep the caller's own translation of one of its codes; without a system it holds whatever system is sent."""

    internal_code: str
    system: str
    code: str
    internal_system: str | None = None
    display: str | None = None
    display_ar: str | None = None


class MappedFacilityCode(Struct, frozen=True):
    """The translation that is now in force."""

    internal_code: str
    system: str
    code: str


class FinancialLine(Struct, frozen=True):
    """The figures of one line."""

    sequence: int
    quantity: Quantity
    unit_price: Money
    factor: Quantity
    tax: Money
    net: Money


class ApplyFinancialRules(Struct, frozen=True):
    """Check a claim's arithmetic (DOMAIN B9)."""

    lines: tuple[FinancialLine, ...]
    total: Money


class Finding(Struct, frozen=True):
    """A fault that a rule found: `severity` is error or warning."""

    rule: str
    severity: str
    path: str
    detail: str
    detail_ar: str


class FinancialResult(Struct, frozen=True):
    """What the rules found; no finding means that the figures add up."""

    findings: tuple[Finding, ...]
    total: Money


class SignDocument(Struct, frozen=True):
    """Sign a document with the organization's key; `payload` is any JSON text."""

    organization_id: UUID
    payload: str


class SignedDocument(Struct, frozen=True):
    """A detached signature over the canonical form (RFC 8785)."""

    signature: str  # base64
    algorithm: str
    key_id: str
    digest: str  # SHA-256 of the canonical bytes, hex


class VerifyDocument(Struct, frozen=True):
    """Check a signature that SignDocument made."""

    organization_id: UUID
    payload: str
    signature: str
    key_id: str


class VerifiedDocument(Struct, frozen=True):
    """Whether the signature holds."""

    valid: bool
