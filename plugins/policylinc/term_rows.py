"""Everything that a claim's terms are built from but the balances, read in one statement: a claim waits for it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from masterlinc.db import Transaction
from masterlinc.wire import load
from policylinc.contract import AuthorizationTerms, BenefitLimit, LimitPer, ServiceRuleKind
from policylinc.records import MemberRow, PolicyRow, PriceRow

# A version holds on a day. `{0}` is the table's alias; $3 the day.
_HOLDS = """{0}.withdrawn_on IS NULL AND {0}.effective_from <= $3
        AND ({0}.effective_to IS NULL OR {0}.effective_to >= $3)"""

# What the terms are of: a member's cover. `anywhere` takes a provider that is not known for one of the network.
_COVER = """
cover AS (
    SELECT m.organization_id, m.id AS member_id, m.policy_id, m.person_id, m.member_number, m.effective_from,
        m.effective_to, m.enrolled_by_simulator, m.birth_date, m.gender, m.relationship, p.product_id,
        d.code AS product, d.policy_type,
        p.policy_number, p.policy_class, p.network, p.status, p.effective_date, p.expiry_date, p.annual_limit,
        p.deductible, false AS anywhere
    FROM policylinc.member m
    JOIN policylinc.policy p ON p.organization_id = m.organization_id AND p.id = m.policy_id
    JOIN policylinc.product d ON d.organization_id = p.organization_id AND d.id = p.product_id
    WHERE m.organization_id = $1 AND m.id = $2
)
"""
_TERMS = f"""
, known AS (
    -- As enrolled, or as changed by the day.
    (SELECT c.birth_date, c.gender, c.relationship
     FROM cover JOIN policylinc.member_change c ON c.organization_id = $1 AND c.member_id = cover.member_id
     WHERE c.effective_from <= $3
     ORDER BY c.effective_from DESC, c.id DESC LIMIT 1)
    UNION ALL
    SELECT birth_date, gender, relationship FROM cover
    LIMIT 1
), place AS (
    -- A network that the payer does not list is open to all.
    SELECT cover.anywhere OR n.code IS NULL OR l.id IS NOT NULL AS in_network, l.provider_class, l.id
    FROM cover
    LEFT JOIN policylinc.network n ON n.organization_id = $1 AND n.code = cover.network
    LEFT JOIN policylinc.network_provider l ON l.organization_id = $1 AND l.network = cover.network
        AND (l.provider_organization_id = $4 OR l.provider_organization_id IS NULL) AND {_HOLDS.format("l")}
    ORDER BY l.provider_organization_id NULLS LAST LIMIT 1
), benefit AS (
    SELECT b.id, b.benefit, b.rule_id, b.version, b.effective_from, b.covered,
        coalesce(c.copay_percent, b.copay_percent) AS copay_percent,
        CASE WHEN c.id IS NULL THEN b.copay_cap ELSE c.copay_cap END AS copay_cap,
        coalesce(c.copay_cap_per, b.copay_cap_per) AS copay_cap_per,
        b.year_limit, b.authorization_required, b.authorization_above, b.parent, b.codes, b.waiting_days,
        (
            SELECT coalesce(json_agg(json_build_object('kind', l.kind, 'per', l.per, 'value', l.value)
                ORDER BY l.kind, l.per), '[]')
            FROM policylinc.benefit_limit l WHERE l.organization_id = $1 AND l.benefit_id = b.id
        ) AS limits
    FROM cover
    JOIN policylinc.benefit b ON b.organization_id = $1 AND b.product_id = cover.product_id
        AND b.policy_class = cover.policy_class AND {_HOLDS.format("b")}
    CROSS JOIN place
    LEFT JOIN LATERAL (
        -- The co-pay that says most about the provider: its class before its network.
        SELECT o.id, o.copay_percent, o.copay_cap, o.copay_cap_per FROM policylinc.benefit_copay o
        WHERE o.organization_id = $1 AND o.benefit_id = b.id
            AND (o.in_network IS NULL OR o.in_network = place.in_network)
            AND (o.provider_class IS NULL OR o.provider_class = place.provider_class)
        ORDER BY o.provider_class NULLS LAST, o.in_network NULLS LAST LIMIT 1
    ) c ON true
), rule AS (
    -- The rule of a class stands before the product's of the same name, and that before the payer's.
    SELECT DISTINCT ON (r.rule) r.id, r.rule, r.version, r.effective_from, r.kind, r.text, r.text_ar, r.codes,
        r.diagnoses, r.benefits, r.above, r.in_emergencies, r.days, r.times AS count, r.min_age, r.max_age, r.sex,
        r.includes
    FROM cover
    JOIN policylinc.service_rule r ON r.organization_id = $1 AND {_HOLDS.format("r")}
        AND (r.product_id IS NULL OR r.product_id = cover.product_id)
        AND (r.policy_class IS NULL OR r.policy_class = cover.policy_class)
    ORDER BY r.rule, r.policy_class NULLS LAST, r.product_id NULLS LAST
), agreed AS (
    SELECT a.id, a.code, a.percent_of_billed, a.effective_from FROM policylinc.contract a
    WHERE a.organization_id = $1 AND (a.provider_organization_id = $4 OR a.provider_organization_id IS NULL)
        AND a.effective_from <= $3 AND (a.effective_to IS NULL OR a.effective_to >= $3)
    ORDER BY a.provider_organization_id NULLS LAST LIMIT 1
), price AS (
    SELECT q.id, q.system, q.code, q.amount, q.effective_from
    FROM agreed
    JOIN policylinc.price q ON q.organization_id = $1 AND q.contract_id = agreed.id AND {_HOLDS.format("q")}
        AND ($5::text[] IS NULL OR q.code = ANY ($5))
)
SELECT json_build_object(
    {{more}}
    'policy', json_build_object('organization_id', cover.organization_id, 'id', cover.policy_id,
        'product_id', cover.product_id, 'product', cover.product, 'policy_type', cover.policy_type,
        'policy_number', cover.policy_number, 'policy_class', cover.policy_class, 'network', cover.network,
        'status', cover.status, 'effective_date', cover.effective_date, 'expiry_date', cover.expiry_date,
        'annual_limit', cover.annual_limit, 'deductible', cover.deductible),
    'member', CASE WHEN cover.member_id IS NOT NULL THEN json_build_object(
        'organization_id', cover.organization_id, 'id', cover.member_id,
        'policy_id', cover.policy_id, 'person_id', cover.person_id, 'member_number', cover.member_number,
        'effective_from', cover.effective_from, 'effective_to', cover.effective_to,
        'enrolled_by_simulator', cover.enrolled_by_simulator) END,
    'person', (
        SELECT json_build_object('birth_date', k.birth_date, 'gender', k.gender, 'relationship', k.relationship)
        FROM known k
    ),
    'since', (
        -- The first day of the last unbroken run of the person's covers.
        SELECT max(s.effective_from) FROM policylinc.member s
        WHERE s.organization_id = $1 AND s.person_id = cover.person_id AND s.effective_from <= cover.effective_from
            AND NOT EXISTS (
                SELECT FROM policylinc.member e WHERE e.organization_id = $1 AND e.person_id = s.person_id
                    AND e.effective_from < s.effective_from AND e.effective_to >= s.effective_from - 1
            )
    ),
    'place', (SELECT row_to_json(place) FROM place),
    'benefits', (SELECT coalesce(json_agg(b ORDER BY b.benefit COLLATE "C"), '[]') FROM benefit b),
    'rules', (SELECT coalesce(json_agg(r ORDER BY r.rule COLLATE "C"), '[]') FROM rule r),
    'payer', (
        SELECT json_build_object('id', t.id, 'effective_from', t.effective_from, 'follow_up_days', t.follow_up_days,
            'filing_days', t.filing_days, 'vat_percent', t.vat_percent, 'authorization', json_build_object(
                'answer_minutes', t.answer_minutes, 'when_late', t.when_late, 'valid_days', t.valid_days,
                'emergency_notice_hours', t.emergency_notice_hours))
        FROM policylinc.payer_terms t WHERE t.organization_id = $1 AND {_HOLDS.format("t")}
    ),
    'contract', (SELECT row_to_json(agreed) FROM agreed),
    'prices', (SELECT coalesce(json_agg(p ORDER BY p.system COLLATE "C", p.code COLLATE "C"), '[]') FROM price p)
)::text
FROM cover
"""  # noqa: S608 - one condition on dates, written once


def terms_sql(cover: str, more: str = "") -> str:
    """Return the statement that reads what the terms of a `cover` are built from, and what `more` names.

    Its arguments are the payer ($1), whatever the cover asks for, the day ($3), the provider ($4) and the codes ($5).
    """
    return f"WITH {cover}{_TERMS.replace('{more}', more)}"


_SQL = terms_sql(_COVER)


class PersonRow(Struct, frozen=True):
    """A member as enrolled, or as changed by the day."""

    birth_date: date | None
    gender: str | None
    relationship: str | None


class PlaceRow(Struct, frozen=True):
    """Where the provider stands in the policy's network."""

    in_network: bool
    provider_class: str | None
    id: UUID | None


class GrantRow(Struct, frozen=True):
    """A version of a benefit with the co-pay at the provider."""

    id: UUID
    benefit: str
    rule_id: str
    version: int
    effective_from: date
    covered: bool
    copay_percent: Decimal
    copay_cap: Decimal | None
    copay_cap_per: LimitPer
    year_limit: Decimal | None
    authorization_required: bool
    authorization_above: Decimal | None
    parent: str | None
    codes: tuple[str, ...]
    waiting_days: int
    limits: tuple[BenefitLimit, ...]


class RuleRow(Struct, frozen=True):
    """A version of a service rule."""

    id: UUID
    rule: str
    version: int
    effective_from: date
    kind: ServiceRuleKind
    text: str
    text_ar: str
    codes: tuple[str, ...]
    diagnoses: tuple[str, ...]
    benefits: tuple[str, ...]
    above: Decimal | None
    in_emergencies: bool
    days: int | None
    count: int | None
    min_age: int | None
    max_age: int | None
    sex: str | None
    includes: tuple[str, ...]


class PayerRow(Struct, frozen=True):
    """A version of how the payer deals with claims."""

    id: UUID
    effective_from: date
    follow_up_days: int
    filing_days: int | None
    vat_percent: Decimal | None
    authorization: AuthorizationTerms


class AgreedRow(Struct, frozen=True):
    """The contract that holds at the provider."""

    id: UUID
    code: str
    percent_of_billed: Decimal
    effective_from: date


class AgreedPrice(PriceRow, frozen=True, kw_only=True):
    """An agreed price and its version."""

    id: UUID
    effective_from: date


class TermRows(Struct, frozen=True):
    """What a member's terms are built from."""

    policy: PolicyRow
    member: MemberRow | None
    person: PersonRow
    since: date | None
    place: PlaceRow
    benefits: tuple[GrantRow, ...]
    rules: tuple[RuleRow, ...]
    payer: PayerRow | None
    contract: AgreedRow | None
    prices: tuple[AgreedPrice, ...]


async def read_term_rows(
    tx: Transaction, member: tuple[UUID, UUID], day: date, provider: UUID | None, codes: Sequence[str] | None
) -> TermRows | None:
    """Read the versions in force on a day for a (payer, member) at a provider; None without such a member."""
    text = await tx.fetchval(_SQL, *member, day, provider, None if codes is None else list(codes))
    return None if text is None else load(text, TermRows)
