"""The sets of dated versions that a payer has, and how each is stored."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from policylinc.changes.documents import PayerDocument, PriceItem, RuleItem
from policylinc.changes.versions import VersionSet
from policylinc.contract import CoverStatus, WhenLate
from policylinc.drafts import BenefitDraft


def _query(table: str, key: str, content: str, scope: str) -> str:
    version = "1" if table == "policylinc.price" else "t.version"
    return f"""
    SELECT json_agg(json_build_object('id', t.id, 'key', {key}, 'version', {version},
        'effective_from', t.effective_from, 'effective_to', t.effective_to, 'withdrawn_on', t.withdrawn_on,
        'content', {content}) ORDER BY t.effective_from, t.id)::text
    FROM {table} t WHERE t.organization_id = $1 AND {scope}
    """  # noqa: S608 - our own names


class ClassGrant(Struct, frozen=True):
    """What a class grants a policy that begins while the version holds."""

    policy_class: str
    annual_limit: Decimal
    deductible: Decimal
    network: str


class Listing(Struct, frozen=True):
    """A provider's place in a network."""

    provider_organization_id: UUID | None
    provider_class: str | None


class PayerGrant(Struct, frozen=True):
    """How a payer deals with claims and authorizations."""

    administrator_organization_id: UUID | None
    follow_up_days: int
    filing_days: int | None
    vat_percent: Decimal | None
    answer_minutes: int
    when_late: WhenLate
    valid_days: int
    emergency_notice_hours: int


CLASS_TERMS = VersionSet(
    "policylinc.class_terms",
    ClassGrant,
    _query(
        "policylinc.class_terms",
        "t.policy_class",
        """json_build_object('policy_class', t.policy_class, 'annual_limit', t.annual_limit,
            'deductible', t.deductible, 'network', t.network)""",
        "t.product_id = $2",
    ),
)
BENEFITS = VersionSet(
    "policylinc.benefit",
    BenefitDraft,
    _query(
        "policylinc.benefit",
        "t.policy_class || '/' || t.benefit",
        """json_build_object('benefit', t.benefit, 'covered', t.covered, 'copay_percent', t.copay_percent,
            'copay_cap', t.copay_cap, 'copay_cap_per', t.copay_cap_per, 'year_limit', t.year_limit,
            'authorization_required', t.authorization_required, 'authorization_above', t.authorization_above,
            'parent', t.parent, 'codes', t.codes, 'waiting_days', t.waiting_days,
            'limits', (
                SELECT coalesce(json_agg(json_build_object('kind', l.kind, 'per', l.per, 'value', l.value)
                    ORDER BY l.kind COLLATE "C", l.per COLLATE "C"), '[]')
                FROM policylinc.benefit_limit l WHERE l.organization_id = $1 AND l.benefit_id = t.id
            ),
            'copays', (
                SELECT coalesce(json_agg(json_build_object('in_network', c.in_network,
                    'provider_class', c.provider_class, 'copay_percent', c.copay_percent, 'copay_cap', c.copay_cap,
                    'copay_cap_per', c.copay_cap_per)
                    ORDER BY c.provider_class COLLATE "C" NULLS FIRST, c.in_network NULLS FIRST), '[]')
                FROM policylinc.benefit_copay c WHERE c.organization_id = $1 AND c.benefit_id = t.id
            ))""",
        "t.product_id = $2",
    ),
)
PRICES = VersionSet(
    "policylinc.price",
    PriceItem,
    _query(
        "policylinc.price",
        "t.system || ' ' || t.code",
        "json_build_object('system', t.system, 'code', t.code, 'amount', t.amount)",
        "t.contract_id = $2",
    ),
)
RULES = VersionSet(
    "policylinc.service_rule",
    RuleItem,
    _query(
        "policylinc.service_rule",
        "coalesce(t.policy_class, '') || '/' || t.rule",
        """json_build_object('rule', t.rule, 'kind', t.kind, 'text', t.text, 'text_ar', t.text_ar,
            'policy_class', t.policy_class, 'codes', t.codes, 'diagnoses', t.diagnoses, 'benefits', t.benefits,
            'above', t.above, 'in_emergencies', t.in_emergencies, 'days', t.days, 'count', t.times,
            'min_age', t.min_age, 'max_age', t.max_age, 'sex', t.sex, 'includes', t.includes)""",
        "t.product_id IS NOT DISTINCT FROM $2",
    ),
)
LISTINGS = VersionSet(
    "policylinc.network_provider",
    Listing,
    _query(
        "policylinc.network_provider",
        "coalesce(t.provider_organization_id::text, '*')",
        """json_build_object('provider_organization_id', t.provider_organization_id,
            'provider_class', t.provider_class)""",
        "t.network = $2",
    ),
)
PAYER_TERMS = VersionSet(
    "policylinc.payer_terms",
    PayerGrant,
    _query(
        "policylinc.payer_terms",
        "''",
        """json_build_object('administrator_organization_id', t.administrator_organization_id,
            'follow_up_days', t.follow_up_days, 'filing_days', t.filing_days, 'vat_percent', t.vat_percent,
            'answer_minutes', t.answer_minutes, 'when_late', t.when_late, 'valid_days', t.valid_days,
            'emergency_notice_hours', t.emergency_notice_hours)""",
        "$2::text IS NULL",
    ),
)


class PolicyGrant(Struct, frozen=True):
    """A policy as it is sold; of these only the status changes later."""

    policy_number: str
    product: str
    policy_class: str
    holder: str
    effective_date: date
    expiry_date: date
    status: CoverStatus
    annual_limit: Decimal
    deductible: Decimal
    network: str


# No set of versions: a policy has its days itself, and is read by its number.
POLICIES = VersionSet("policylinc.policy", PolicyGrant, "")


def payer_grant(document: PayerDocument, administrator: UUID | None) -> PayerGrant:
    """Return a payer's document as it is stored."""
    return PayerGrant(
        administrator_organization_id=administrator,
        follow_up_days=document.follow_up_days,
        filing_days=document.filing_days,
        vat_percent=document.vat_percent,
        answer_minutes=document.answer_minutes,
        when_late=document.when_late,
        valid_days=document.valid_days,
        emergency_notice_hours=document.emergency_notice_hours,
    )
