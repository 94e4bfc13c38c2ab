from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from policy_builders import Insured, national_id, policy, posting, product, terms_of, use

from authlinc.contract import LoadOrganization, OrganizationInfo
from masterlinc.context import Context
from masterlinc.errors import Invalid, NotFound
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id
from masterlinc.money import Money
from policylinc import facts
from policylinc.contract import PersonIdentifier
from policylinc.drafts import BenefitDraft, ContractDraft, MemberDraft, PriceDraft
from policylinc.errors import NoSuchProduct, NumberTaken, OverlappingVersions, PolicyNotFound
from policylinc.ledger import load_terms, post_benefits
from policylinc.persons import blind
from policylinc.service import (
    add_benefits,
    create_contract,
    create_policy,
    create_product,
    enrol_member,
    set_price,
)
from policylinc.tables import TABLES

CLASS = ("STD", "C")


def paths(fault: Invalid) -> list[str]:
    return [error.path for error in fault.errors]


async def test_a_new_version_holds_from_its_day(payer: Context, insured: Insured) -> None:
    better = BenefitDraft(benefit="dental", copay_percent=Decimal(10), year_limit=Decimal(3000))
    await add_benefits(payer, insured.payer, CLASS, [better], date(2026, 7, 1), supersede=True)
    before = await load_terms(payer, terms_of(insured, date(2026, 6, 30)))
    after = await load_terms(payer, terms_of(insured, date(2026, 7, 1)))
    old, new = (next(t for t in terms.benefits if t.benefit == "dental") for terms in (before, after))
    assert (old.limit, old.rule_id) == (Money("2000.00"), "STD-C.dental@1")
    assert (new.limit, new.rule_id) == (Money("3000.00"), "STD-C.dental@2")
    assert before.version.startswith("STD/C@2020-01-01.")
    assert after.version.startswith("STD/C@2026-07-01.")


async def test_overlapping_versions_are_refused_with_the_field(payer: Context, insured: Insured) -> None:
    with pytest.raises(OverlappingVersions) as caught:
        await add_benefits(payer, insured.payer, CLASS, [BenefitDraft(benefit="dental")], date(2026, 7, 1))
    assert paths(caught.value) == ["effective_from"]
    assert caught.value.detail_ar
    terms = await load_terms(payer, terms_of(insured, date(2026, 8, 1)))
    assert terms.version.startswith("STD/C@2020-01-01.")


async def test_every_fault_of_a_product_is_listed(payer: Context) -> None:
    benefits = (
        BenefitDraft(benefit="Dental", copay_percent=Decimal("100.01"), year_limit=Decimal(-1)),
        BenefitDraft(benefit="dental", copay_cap=Decimal("0.001"), authorization_above=Decimal("NaN")),
    )
    one = replace(product().classes[0], annual_limit=Decimal("-0.01"), deductible=Decimal(10**12), benefits=benefits)
    with pytest.raises(Invalid) as caught:
        await create_product(payer, payer.principal.organization_id, product("bad code", classes=(one,), name=""))
    assert paths(caught.value) == [
        "code",
        "name",
        "classes[0].annual_limit",
        "classes[0].deductible",
        "classes[0].benefits[0].benefit",
        "classes[0].benefits[0].copay_percent",
        "classes[0].benefits[0].year_limit",
        "classes[0].benefits[1].copay_cap",
        "classes[0].benefits[1].authorization_above",
    ]
    assert all(error.detail and error.detail_ar for error in caught.value.errors)


async def test_a_policy_needs_its_product_dates_and_a_free_number(payer: Context, insured: Insured) -> None:
    with pytest.raises(NumberTaken):
        await create_policy(payer, insured.payer, policy(insured.policy_number))
    with pytest.raises(NoSuchProduct):
        await create_policy(payer, insured.payer, policy("P-NEW", policy_class="VIP"))
    with pytest.raises(Invalid) as caught:
        await create_policy(
            payer, insured.payer, policy("P\u202e1", expiry_date=date(2025, 1, 1), annual_limit=Decimal(-5), holder="")
        )
    assert paths(caught.value) == ["policy_number", "holder", "expiry_date", "annual_limit"]


async def test_a_member_number_covers_one_person_a_day(payer: Context, insured: Insured) -> None:
    same = MemberDraft(policy_number=insured.policy_number, member_number=insured.member_number, name="Omar")
    with pytest.raises(OverlappingVersions) as caught:
        await enrol_member(payer, insured.payer, same)
    assert paths(caught.value) == ["member_number"]


async def test_keyed_identifiers_must_be_right(payer: Context, insured: Insured) -> None:
    wrong = (
        PersonIdentifier(NATIONAL_ID, "1234567890"),
        PersonIdentifier("http://example.test/id", "1"),
        national_id(5),
    )
    draft = MemberDraft(
        policy_number=insured.policy_number, member_number="M-1", name="Omar", gender="m", identifiers=wrong
    )
    with pytest.raises(Invalid) as caught:
        await enrol_member(payer, insured.payer, draft)
    assert paths(caught.value) == ["gender", "identifiers[0].value", "identifiers[1].system"]


async def test_a_member_is_enrolled_inside_of_the_policys_days(payer: Context, insured: Insured) -> None:
    early = MemberDraft(
        policy_number=insured.policy_number,
        member_number="M-1",
        name="Omar",
        effective_from=date(2025, 12, 31),
        effective_to=date(2027, 1, 1),
    )
    with pytest.raises(Invalid) as caught:
        await enrol_member(payer, insured.payer, early)
    assert paths(caught.value) == ["effective_from", "effective_to"]
    with pytest.raises(PolicyNotFound):
        await enrol_member(payer, insured.payer, replace(early, policy_number="P-0"))


async def test_an_enrolment_is_published_without_health_data(payer: Context, insured: Insured) -> None:
    async with payer.transaction() as tx:
        sql = "SELECT payload FROM masterlinc.event WHERE name = 'policylinc.member_enrolled.v1' AND aggregate = $1"
        payload = await tx.fetchval(sql, insured.member_id)
    assert str(insured.member_id) in payload
    assert insured.identifier.value not in payload


async def test_terms_carry_the_contract_and_its_prices(payer: Context, clinic: Context, insured: Insured) -> None:
    provider = clinic.principal.organization_id
    license_ = (await clinic.call(LoadOrganization(provider), OrganizationInfo)).licenses[0]
    nobody = await load_terms(payer, terms_of(insured, provider_organization_id=provider))
    assert (nobody.contract, nobody.percent_of_billed, nobody.prices) == ("", 0, ())
    start = date(2026, 1, 1)
    everybody = ContractDraft(code="OPEN", percent_of_billed=Decimal(80), effective_from=start)
    own = ContractDraft(code="OWN", percent_of_billed=Decimal("92.50"), effective_from=start, provider=license_)
    await create_contract(payer, insured.payer, everybody)
    await create_contract(payer, insured.payer, own)
    for code, amount in (("83600-00-10", "150.00"), ("012", "90.25")):
        price = PriceDraft(contract="OWN", system="s", code=code, amount=Decimal(amount), effective_from=start)
        await set_price(payer, insured.payer, price)
    assert (await load_terms(payer, terms_of(insured))).contract == "OPEN"
    terms = await load_terms(payer, terms_of(insured, provider_organization_id=provider))
    assert (terms.contract, terms.percent_of_billed) == ("OWN", Decimal("92.50"))
    assert [(price.code, price.amount) for price in terms.prices] == [
        ("012", Money("90.25")),
        ("83600-00-10", Money("150.00")),
    ]
    few = await load_terms(payer, terms_of(insured, provider_organization_id=provider, codes=("012", "013")))
    assert [price.code for price in few.prices] == ["012"]


async def test_contracts_and_prices_do_not_overlap(payer: Context, insured: Insured) -> None:
    start = date(2026, 1, 1)
    await create_contract(
        payer, insured.payer, ContractDraft(code="A", percent_of_billed=Decimal(80), effective_from=start)
    )
    with pytest.raises(OverlappingVersions):
        await create_contract(
            payer,
            insured.payer,
            ContractDraft(code="B", percent_of_billed=Decimal(70), effective_from=date(2026, 6, 1)),
        )
    with pytest.raises(NumberTaken):
        await create_contract(
            payer,
            insured.payer,
            ContractDraft(
                code="A", percent_of_billed=Decimal(70), effective_from=date(2020, 6, 1), effective_to=date(2020, 7, 1)
            ),
        )
    price = PriceDraft(contract="A", system="s", code="012", amount=Decimal(1), effective_from=start)
    await set_price(payer, insured.payer, price)
    with pytest.raises(OverlappingVersions):
        await set_price(payer, insured.payer, price)
    for wrong, path in (
        (replace(price, contract="Z"), "contract"),
        (replace(price, amount=Decimal("1.001")), "amount"),
        (replace(price, effective_to=date(2025, 1, 1)), "effective_to"),
    ):
        with pytest.raises(Invalid) as caught:
            await set_price(payer, insured.payer, wrong)
        assert paths(caught.value) == [path]
    draft = ContractDraft(code="C", percent_of_billed=Decimal("100.5"), effective_from=start)
    with pytest.raises(Invalid) as caught:
        await create_contract(payer, insured.payer, draft)
    assert paths(caught.value) == ["percent_of_billed"]


async def test_nobody_changes_another_payer(clinic: Context, payer: Context, insured: Insured) -> None:
    with pytest.raises(NotFound):
        await create_policy(clinic, insured.payer, policy("P-THEIRS"))


# The constraints themselves ----------------------------------------------------------------------


async def test_the_database_refuses_overlaps_without_the_service(payer: Context, insured: Insured) -> None:
    copy = """
    INSERT INTO policylinc.benefit SELECT organization_id, gen_random_uuid(), product_id, policy_class, benefit,
        rule_id, version + 1, $2, NULL, covered, copay_percent, copay_cap, year_limit, authorization_required,
        authorization_above, NULL, NULL, parent, codes, copay_cap_per, waiting_days
    FROM policylinc.benefit WHERE organization_id = $1 AND benefit = 'dental'
    """
    with pytest.raises(asyncpg.ExclusionViolationError):
        async with payer.transaction() as tx:
            await tx.execute(copy, insured.payer, date(2030, 1, 1))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("benefit", "copay_percent = 100.01"),
        ("benefit", "copay_percent = 'NaN'"),
        ("benefit", "year_limit = -0.01"),
        ("benefit", "effective_to = effective_from - 1"),
        ("policy", "annual_limit = 'NaN'"),
        ("policy", "status = 'lapsed'"),
        ("policy", "expiry_date = effective_date - 1"),
        ("member", "effective_to = effective_from - 1"),
        ("balance", "used = 'NaN'"),
    ],
)
async def test_the_database_refuses_wrong_figures(
    running: Any, insured: Insured, payer: Context, table: str, change: str
) -> None:
    await post_benefits(payer, posting(insured, use("dental", "1.00")))  # makes a balance
    owner = await asyncpg.connect(running.services.settings.database.owner_url.reveal())
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(f"UPDATE policylinc.{table} SET {change} WHERE organization_id = $1", insured.payer)
    finally:
        await owner.close()


async def test_every_table_is_under_row_level_security(payer: Context, insured: Insured) -> None:
    async with payer.transaction() as tx:
        tables = await tx.fetch(
            "SELECT relname, relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'policylinc' AND relkind IN ('r', 'p') AND NOT relispartition"
        )
    assert {row["relname"] for row in tables} == {table._meta.tablename for table in TABLES}
    assert all(table["relrowsecurity"] for table in tables)
    async with payer.transaction(frozenset({new_id()})) as tx:
        for table in tables:
            assert await tx.fetchval(f"SELECT count(*) FROM policylinc.{table['relname']}") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with payer.transaction(frozenset({new_id()})) as tx:
            await tx.execute(
                "INSERT INTO policylinc.product VALUES ($1, $2, 'X', 'x', 'x', 'XX', $3)",
                insured.payer,
                new_id(),
                datetime.now(UTC),
            )


async def test_who_is_named_is_found_in_the_caller_s_scope_alone(payer: Context, insured: Insured) -> None:
    named = "SELECT id FROM policylinc.covers_named($1, $2, $3, $4)"
    blind_of_hers = blind(payer.vault, insured.payer, insured.identifier)
    asked = (
        (insured.member_number, None, []),
        (None, insured.member_id, []),
        (None, None, [blind_of_hers]),
        ("M-0", None, [blind_of_hers]),
    )
    for scope, found in ((insured.payer, [insured.member_id]), (new_id(), [])):
        async with payer.transaction(frozenset({scope})) as tx:
            for facts_of_her in asked:
                assert [row["id"] for row in await tx.fetch(named, insured.payer, *facts_of_her)] == found
    async with payer.transaction() as tx:
        assert await tx.fetch(named, insured.payer, "M-0", None, []) == []


async def test_under_row_level_security_every_read_of_an_answer_has_an_index(payer: Context, insured: Insured) -> None:
    async with payer.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")  # a sequential scan that is left has no alternative
        plan = await tx.fetch(
            f"EXPLAIN {facts._SQL}",
            insured.payer,
            insured.policy_number,
            date(2026, 3, 1),
            new_id(),
            ["012"],
            insured.member_number,
            None,
            [b"\0" * 16],
        )
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan" not in text, text
