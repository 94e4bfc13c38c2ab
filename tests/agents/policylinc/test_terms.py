"""Terms as they are built from dated data: every field, by the day and by the provider."""

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from policy_builders import YEAR, Insured, insure, product, terms_of
from policy_builders import policy as policy_draft

from masterlinc.context import Context
from masterlinc.ids import new_id
from masterlinc.money import Money
from masterlinc.testing import Running
from policylinc.changes.importing import import_documents
from policylinc.changes.proposals import propose
from policylinc.changes.reading import read_json
from policylinc.contract import BenefitLimit, LimitKind, LimitPer, ServiceRule, ServiceRuleKind, Terms, WhenLate
from policylinc.drafts import BenefitDraft, CopayDraft, LimitDraft, MemberDraft
from policylinc.ledger import load_terms
from policylinc.service import add_benefits, create_policy, enrol_member

CLASS = ("STD", "C")
HOSPITAL, CLINIC, STRANGER = new_id(), new_id(), new_id()


async def execute(ctx: Context, payer: UUID, sql: str, *values: object) -> None:
    async with ctx.transaction(frozenset({payer})) as tx:
        await tx.execute(sql, payer, *values)


async def network_of(ctx: Context, insured: Insured) -> None:
    """Put a hospital and a clinic into the network that the policy names."""
    await execute(
        ctx,
        insured.payer,
        "INSERT INTO policylinc.network VALUES ($1, 'C', 'Network C', 'شبكة ج')",
    )
    listed = """
    INSERT INTO policylinc.network_provider
        (organization_id, id, network, provider_organization_id, provider_class, version, effective_from)
    VALUES ($1, $2, 'C', $3, $4, 1, '2026-02-01')
    """
    await execute(ctx, insured.payer, listed, new_id(), HOSPITAL, "HOSPITAL")
    await execute(ctx, insured.payer, listed, new_id(), CLINIC, None)


async def terms_at(ctx: Context, insured: Insured, provider: UUID | None, day: date = date(2026, 3, 1)) -> Terms:
    return await load_terms(ctx, terms_of(insured, day, provider_organization_id=provider))


def copay_of(terms: Terms, benefit: str) -> tuple[Decimal, Decimal | None, LimitPer]:
    term = next(one for one in terms.benefits if one.benefit == benefit)
    return term.copay_percent, term.copay_cap, term.copay_cap_per


async def test_the_co_pay_is_that_of_the_provider_s_class_and_network(payer: Context, insured: Insured) -> None:
    await network_of(payer, insured)
    outpatient = BenefitDraft(
        benefit="outpatient",
        copay_percent=Decimal(20),
        copay_cap=Decimal(75),
        copays=(
            CopayDraft(in_network=False, copay_percent=Decimal(50)),
            CopayDraft(provider_class="HOSPITAL", copay_percent=Decimal(30), copay_cap=Decimal(300)),
            CopayDraft(
                in_network=True,
                provider_class="HOSPITAL",
                copay_percent=Decimal(25),
                copay_cap=Decimal(200),
                copay_cap_per=LimitPer.ITEM,
            ),
        ),
    )
    await add_benefits(payer, insured.payer, CLASS, [outpatient], date(2026, 1, 15), supersede=True)
    at = {name: await terms_at(payer, insured, one) for name, one in (("h", HOSPITAL), ("c", CLINIC), ("s", STRANGER))}
    assert copay_of(at["h"], "outpatient") == (Decimal(25), Money("200.00"), LimitPer.ITEM)
    assert copay_of(at["c"], "outpatient") == (Decimal(20), Money("75.00"), LimitPer.VISIT)
    assert copay_of(at["s"], "outpatient") == (Decimal(50), None, LimitPer.VISIT)
    assert [(t.network, t.in_network, t.provider_class) for t in at.values()] == [
        ("C", True, "HOSPITAL"),
        ("C", True, None),
        ("C", False, None),
    ]
    before_listing = await terms_at(payer, insured, HOSPITAL, date(2026, 1, 31))
    assert (before_listing.in_network, before_listing.provider_class) == (False, None)


async def test_a_network_that_nobody_listed_is_open(payer: Context, insured: Insured) -> None:
    terms = await terms_at(payer, insured, STRANGER)
    assert (terms.network, terms.in_network, terms.provider_class) == ("C", True, None)


async def test_a_sub_benefit_carries_its_parent_codes_limits_and_waiting(payer: Context, insured: Insured) -> None:
    dialysis = BenefitDraft(
        benefit="dialysis",
        parent="outpatient",
        codes=("13100..13104",),
        waiting_days=30,
        year_limit=Decimal(100_000),
        limits=(
            LimitDraft(kind=LimitKind.COUNT, per=LimitPer.YEAR, value=Decimal(156)),
            LimitDraft(kind=LimitKind.AMOUNT, per=LimitPer.LIFETIME, value=Decimal(500_000)),
        ),
    )
    outpatient = BenefitDraft(benefit="outpatient", copay_percent=Decimal(20))
    await add_benefits(payer, insured.payer, CLASS, [outpatient, dialysis], date(2026, 2, 1), supersede=True)
    term = next(one for one in (await terms_at(payer, insured, None)).benefits if one.benefit == "dialysis")
    assert (term.parent, term.codes, term.waiting_days, term.limit) == (
        "outpatient",
        ("13100..13104",),
        30,
        Money("100000.00"),
    )
    assert term.limits == (
        BenefitLimit(LimitKind.AMOUNT, LimitPer.LIFETIME, Decimal("500000.00")),
        BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal("156.00")),
    )


async def test_the_payer_s_terms_are_those_of_the_day(payer: Context, insured: Insured) -> None:
    insert = """
    INSERT INTO policylinc.payer_terms (organization_id, id, version, effective_from, effective_to, follow_up_days,
        filing_days, vat_percent, answer_minutes, when_late, valid_days, emergency_notice_hours)
    VALUES ($1, $2, $3, $4, $5, 14, 45, 15, 60, 'approve', 30, 24)
    """
    await execute(payer, insured.payer, insert, new_id(), 1, YEAR, date(2026, 6, 30))
    terms = await terms_at(payer, insured, None)
    assert (terms.follow_up_days, terms.filing_days, terms.vat_percent) == (14, 45, Decimal("15.00"))
    assert (terms.authorization.when_late, terms.authorization.answer_minutes) == (WhenLate.APPROVE, 60)
    later = await terms_at(payer, insured, None, date(2026, 7, 1))
    assert (later.follow_up_days, later.filing_days, later.vat_percent) == (0, None, None)
    assert later.authorization.when_late is WhenLate.ESCALATE
    assert later.version != terms.version


async def test_a_class_s_rule_stands_before_the_payer_s(payer: Context, insured: Insured) -> None:
    insert = """
    INSERT INTO policylinc.service_rule (organization_id, id, rule, product_id, policy_class, version, effective_from,
        kind, text, text_ar, codes, includes, diagnoses, benefits, in_emergencies, days)
    SELECT $1, $2, $3, CASE WHEN $4 THEN id END, CASE WHEN $4 THEN 'C' END, 1, '2026-01-01',
        'waiting', 'Not in the first days', 'ليس في الأيام الأولى', '{16*}', '{}', '{}', '{maternity}', false, $5
    FROM policylinc.product WHERE organization_id = $1
    """
    for name, own, days in (("waiting.birth", False, 90), ("waiting.birth", True, 30), ("waiting.teeth", False, 60)):
        await execute(payer, insured.payer, insert, new_id(), name, own, days)
    rules = {one.id: one.days for one in (await terms_at(payer, insured, None)).rules if one.days}
    assert rules == {"waiting.birth@1": 30, "waiting.teeth@1": 60}


async def test_a_benefit_s_authorization_is_a_rule(payer: Context, insured: Insured) -> None:
    terms = await terms_at(payer, insured, None)
    assert [(one.id, one.benefits, one.above, one.in_emergencies) for one in terms.rules] == [
        ("STD-C.inpatient.authorization@1", ("inpatient",), None, False),
        ("STD-C.outpatient.authorization@1", ("outpatient",), Money("500.00"), False),
    ]
    assert all(isinstance(one, ServiceRule) and one.kind is ServiceRuleKind.AUTHORIZATION for one in terms.rules)
    assert all(one.text and one.text_ar for one in terms.rules)


async def test_a_member_is_with_the_payer_since_the_first_of_unbroken_covers(payer: Context) -> None:
    home = payer.principal.organization_id
    insured = await insure(payer, home)
    person = {"member_number": insured.member_number, "name": "سارة خان", "birth_date": date(1990, 5, 1)}
    for number, first, last in (
        ("OLD", date(2022, 1, 1), date(2022, 12, 31)),
        ("BEFORE", date(2024, 3, 1), date(2025, 2, 28)),
        ("LAST", date(2025, 3, 1), date(2025, 12, 31)),
    ):
        await create_policy(payer, home, policy_draft(number, effective_date=first, expiry_date=last))
        await enrol_member(payer, home, MemberDraft(policy_number=number, **person))  # type: ignore[arg-type]
    terms = await terms_at(payer, insured, None)
    assert (terms.member_since, terms.birth_date, terms.sex) == (date(2024, 3, 1), date(1990, 5, 1), "female")


async def test_the_version_names_the_exact_versions(payer: Context, insured: Insured) -> None:
    first, again = await terms_at(payer, insured, None), await terms_at(payer, insured, None)
    assert first.version == again.version
    dental = BenefitDraft(benefit="dental", copay_percent=Decimal(5))
    await add_benefits(payer, insured.payer, CLASS, [dental], date(2026, 5, 1), supersede=True)
    assert (await terms_at(payer, insured, None)).version == first.version
    assert (await terms_at(payer, insured, None, date(2026, 5, 1))).version.startswith("STD/C@2026-05-01.")
    assert product().code in first.version


async def test_a_claim_waits_for_three_statements(payer: Context, insured: Insured, statements: Any) -> None:
    """All versions in one; the person's lock, and in a later one what is used."""
    with statements() as sent:
        await terms_at(payer, insured, HOSPITAL)
    reads = [one for one in sent if "policylinc." in one and "audit" not in one]
    assert len(reads) == 3, reads


WRONG = [
    ("benefit_limit", "value = -0.01"),
    ("benefit_limit", "kind = 'amount', per = 'year'"),
    ("benefit_limit", "kind = 'days', per = 'item'"),
    ("benefit_copay", "copay_percent = 100.01"),
    ("benefit_copay", "copay_cap = -1"),
    ("benefit_copay", "in_network = NULL, provider_class = NULL"),
    ("benefit", "waiting_days = -1"),
    ("benefit", "parent = benefit"),
    ("benefit", "withdrawn_on = effective_from"),
    ("class_terms", "annual_limit = -1"),
    ("class_terms", "effective_to = effective_from - 1"),
    ("network_provider", "provider_class = 'a class'"),
    ("payer_terms", "vat_percent = 100.5"),
    ("payer_terms", "answer_minutes = 0"),
    ("payer_terms", "administrator_organization_id = organization_id"),
    ("service_rule", "days = NULL"),
    ("service_rule", "sex = 'both'"),
    ("service_rule", "min_age = 9, max_age = 8"),
    ("service_rule", "above = 1"),
    ("proposal", "status = 'approved'"),
    ("proposal", "reason = ''"),
]
TABLES = sorted({table for table, _ in WRONG if table != "proposal"} - {"benefit_limit", "benefit_copay"})


async def everything(ctx: Context) -> None:
    """A version of each kind, and a proposal."""
    home = ctx.principal.organization_id
    copay = CopayDraft(in_network=False, copay_percent=Decimal(50))
    limit = LimitDraft(kind=LimitKind.COUNT, per=LimitPer.YEAR, value=Decimal(2))
    dental = BenefitDraft(benefit="dental", copays=(copay,), limits=(limit,))
    await add_benefits(ctx, home, CLASS, [dental], date(2026, 2, 1), supersede=True)
    day = {"effective_from": "2026-01-01"}
    waiting = {"rule": "waiting.teeth", "kind": "waiting", "text": "t", "text_ar": "ن", "days": 5}
    documents = [
        day | {"kind": "payer"},
        day | {"kind": "network", "code": "N", "name": "N", "name_ar": "ش", "providers": [{}]},
        day | {"kind": "service_rules", "rules": [waiting]},
    ]
    await import_documents(ctx, home, read_json(json.dumps(documents).encode()))
    later = read_json(json.dumps({"kind": "payer", "effective_from": "2090-01-01", "valid_days": 9}).encode())
    await propose(ctx, later, "later", backdated=False)


@pytest.mark.parametrize(("table", "change"), WRONG)
async def test_the_database_refuses_wrong_versions(
    running: Running, payer: Context, insured: Insured, table: str, change: str
) -> None:
    await everything(payer)
    owner = await asyncpg.connect(running.services.settings.database.owner_url.reveal())
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(f"UPDATE policylinc.{table} SET {change} WHERE organization_id = $1", insured.payer)
    finally:
        await owner.close()


@pytest.mark.parametrize("table", TABLES)
async def test_the_database_refuses_two_versions_of_a_day(
    running: Running, payer: Context, insured: Insured, table: str
) -> None:
    await everything(payer)
    owner = await asyncpg.connect(running.services.settings.database.owner_url.reveal())
    copy = f"""
    INSERT INTO policylinc.{table} SELECT (jsonb_populate_record(t, jsonb_build_object('id', $2::uuid, 'version',
        t.version + 1, 'effective_from', t.effective_from + 5, 'effective_to', NULL))).*
    FROM policylinc.{table} t WHERE organization_id = $1 AND effective_to IS NULL LIMIT 1
    """
    try:
        with pytest.raises(asyncpg.ExclusionViolationError, match="overlap"):
            await owner.execute(copy, insured.payer, new_id())
    finally:
        await owner.close()
