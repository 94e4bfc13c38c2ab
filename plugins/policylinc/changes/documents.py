"""What changes dated terms: each document is a whole new version of one subject, from a day on."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from policylinc.contract import CoverStatus, ServiceRuleKind, WhenLate
from policylinc.drafts import ClassDraft, ProductDraft


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    effective_from: date


class ProductDocument(_Document, frozen=True, kw_only=True, tag="product"):
    """A product and all that some of its classes grant; a benefit that is left out ends."""

    code: str
    name: str
    name_ar: str
    policy_type: str
    classes: tuple[ClassDraft, ...]

    @property
    def subject(self) -> str:
        """Return what is changed."""
        return self.code


class PriceItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agreed price of one unit, before tax."""

    system: str
    code: str
    amount: Decimal


class PriceListDocument(_Document, frozen=True, kw_only=True, tag="price_list"):
    """All prices of a contract; a price that is left out ends. A new contract says what it pays of other prices."""

    contract: str
    prices: tuple[PriceItem, ...]
    percent_of_billed: Decimal | None = None  # of a new contract
    provider: str | None = None  # of a new contract: an ORG- number or licence; none: every provider without its own

    @property
    def subject(self) -> str:
        """Return what is changed."""
        return self.contract


class RuleItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule on some services; what it leaves out it does not ask about."""

    rule: str
    kind: ServiceRuleKind
    text: str
    text_ar: str
    policy_class: str | None = None  # of the document's product; none: every class
    codes: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    benefits: tuple[str, ...] = ()
    above: Decimal | None = None
    in_emergencies: bool = False
    days: int | None = None
    count: int | None = None
    min_age: int | None = None
    max_age: int | None = None
    sex: str | None = None
    includes: tuple[str, ...] = ()


class RulesDocument(_Document, frozen=True, kw_only=True, tag="service_rules"):
    """All rules of a product, or of the payer for every product; a rule that is left out ends."""

    rules: tuple[RuleItem, ...]
    product: str | None = None

    @property
    def subject(self) -> str:
        """Return what is changed."""
        return self.product or ""


class ListedProvider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of a network, and the payer's class of it."""

    provider: str | None = None  # an ORG- number or licence; none: every provider that is not listed
    provider_class: str | None = None


class NetworkDocument(_Document, frozen=True, kw_only=True, tag="network"):
    """A network and all of its providers; a provider that is left out leaves it."""

    code: str
    name: str
    name_ar: str
    providers: tuple[ListedProvider, ...]

    @property
    def subject(self) -> str:
        """Return what is changed."""
        return self.code


class PolicyDocument(_Document, frozen=True, kw_only=True, tag="policy"):
    """A policy that is sold, or another status of one; limits and network are the class's where none are named."""

    policy_number: str
    product: str
    policy_class: str
    holder: str
    expiry_date: date
    status: CoverStatus = CoverStatus.ACTIVE
    annual_limit: Decimal | None = None
    deductible: Decimal | None = None
    network: str | None = None

    @property
    def subject(self) -> str:
        """Return what is changed."""
        return self.policy_number


class PayerDocument(_Document, frozen=True, kw_only=True, tag="payer"):
    """How a payer deals with claims and authorizations."""

    administrator: str | None = None  # the TPA: an ORG- number or licence
    follow_up_days: int = 0
    filing_days: int | None = None
    vat_percent: Decimal | None = None
    answer_minutes: int = 60
    when_late: WhenLate = WhenLate.ESCALATE
    valid_days: int = 30
    emergency_notice_hours: int = 24

    @property
    def subject(self) -> str:
        """Return what is changed: a payer has one of these."""
        return ""


Document = ProductDocument | PriceListDocument | RulesDocument | NetworkDocument | PayerDocument | PolicyDocument
KINDS: dict[str, type[Document]] = {
    "product": ProductDocument,
    "price_list": PriceListDocument,
    "service_rules": RulesDocument,
    "network": NetworkDocument,
    "payer": PayerDocument,
    "policy": PolicyDocument,
}


def kind_of(document: Document) -> str:
    """Return the kind of a document."""
    return next(kind for kind, type_ in KINDS.items() if isinstance(document, type_))


def product_document(draft: ProductDraft) -> ProductDocument:
    """Return a product that somebody keyed as a document."""
    return ProductDocument(**{name: getattr(draft, name) for name in draft.__struct_fields__})
