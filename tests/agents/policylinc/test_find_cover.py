import asyncio
from datetime import date
from typing import Any

import pytest
from policy_builders import Insured, insure, national_id, policy, terms_of

from authlinc.contract import FindOrganization, LoadOrganization, OrganizationInfo, OrganizationKind
from masterlinc.context import Context
from masterlinc.errors import Invalid, NotFound
from masterlinc.identity import IQAMA
from masterlinc.ids import new_id
from policylinc.contract import CoverStatus, EnrolMember, FindCover, FoundCover, PersonIdentifier
from policylinc.drafts import MemberDraft
from policylinc.errors import NoSuchProduct
from policylinc.ledger import load_terms
from policylinc.service import create_policy, enrol_member

DAY = date(2026, 3, 1)


async def license_of(ctx: Context) -> str:
    info = await ctx.call(LoadOrganization(ctx.principal.organization_id), OrganizationInfo)
    return info.licenses[0]


async def find(ctx: Context, day: date = DAY, **facts: Any) -> FoundCover:
    return await ctx.call(FindCover(day, **facts), FoundCover)


async def test_a_member_is_found_by_number_or_identifier(clinic: Context, payer: Context, insured: Insured) -> None:
    license_ = await license_of(payer)
    for facts in ({"member_number": insured.member_number}, {"identifiers": (insured.identifier,)}):
        found = await find(clinic, payer_license=license_, **facts)
        assert (found.found, found.member_id, found.status) == (True, insured.member_id, CoverStatus.ACTIVE)
        assert (found.payer_organization_id, found.policy_number) == (insured.payer, insured.policy_number)
        assert found.reason == found.reason_ar == ""


async def test_without_a_payer_every_payer_is_searched(clinic: Context, insured: Insured) -> None:
    found = await find(clinic, member_number=insured.member_number)
    assert found.member_id == insured.member_id


async def test_digits_of_any_script_name_the_same_person(clinic: Context, insured: Insured) -> None:
    arabic = insured.identifier.value.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    found = await find(
        clinic, policy_number=insured.policy_number, identifiers=(PersonIdentifier(insured.identifier.system, arabic),)
    )
    assert found.member_id == insured.member_id


async def test_nobody_is_found_with_a_reason_in_both_languages(
    clinic: Context, payer: Context, insured: Insured
) -> None:
    license_ = await license_of(payer)
    for facts in (
        {"payer_license": license_, "member_number": "M-0"},
        {"payer_license": license_, "identifiers": (national_id(99_999_999),)},
        {"payer_license": license_},
        {"payer_license": "NO-LICENCE", "member_number": insured.member_number},
        {"payer_license": await license_of(clinic), "member_number": insured.member_number},
    ):
        found = await find(clinic, **facts)
        assert (found.found, found.member_id) == (False, None)
        assert found.reason
        assert found.reason_ar


async def test_a_cover_out_of_its_days_is_found_and_not_active(clinic: Context, insured: Insured) -> None:
    found = await find(clinic, date(2027, 1, 1), member_number=insured.member_number)
    assert (found.found, found.status) == (True, CoverStatus.INACTIVE)
    assert "2027-01-01" in found.reason
    assert "2027-01-01" in found.reason_ar


async def test_a_renewal_is_found_by_its_day(clinic: Context, payer: Context, insured: Insured) -> None:
    number = f"R-{new_id().hex}"
    renewal = policy(number, effective_date=date(2027, 1, 1), expiry_date=date(2027, 12, 31))
    await create_policy(payer, insured.payer, renewal)
    member = MemberDraft(policy_number=number, member_number=insured.member_number, name="Sara")
    renewed = await enrol_member(payer, insured.payer, member)
    assert (await find(clinic, member_number=insured.member_number)).member_id == insured.member_id
    assert (await find(clinic, date(2027, 5, 1), member_number=insured.member_number)).member_id == renewed
    named = await find(clinic, member_number=insured.member_number, policy_number=number)
    assert (named.member_id, named.status) == (renewed, CoverStatus.INACTIVE)


async def test_a_number_with_other_identifiers_is_found_and_said(clinic: Context, insured: Insured) -> None:
    found = await find(clinic, member_number=insured.member_number, identifiers=(national_id(123),))
    assert found.member_id == insured.member_id
    assert "other identifiers" in found.reason


async def test_a_person_whom_two_payers_insure_is_not_guessed(
    clinic: Context, new_context: Any, insured: Insured
) -> None:
    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    other = await insure(rival, rival.principal.organization_id, serial=4242)
    second = MemberDraft(
        policy_number=other.policy_number,
        member_number=insured.member_number,
        name="Sara",
        identifiers=(national_id(4243),),
    )
    await enrol_member(rival, other.payer, second)
    assert (await find(clinic, member_number=insured.member_number)).found is False
    named = await find(clinic, member_number=insured.member_number, payer_license=await license_of(rival))
    assert named.payer_organization_id == other.payer


async def test_a_payer_finds_its_own_members_only(payer: Context, new_context: Any, insured: Insured) -> None:
    assert (await find(payer, member_number=insured.member_number)).found is True
    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    assert (await find(rival, member_number=insured.member_number)).found is False
    assert (
        await find(rival, payer_license=await license_of(payer), member_number=insured.member_number)
    ).found is False


async def test_the_finding_is_audited_at_the_payer(clinic: Context, payer: Context, insured: Insured) -> None:
    await find(clinic, member_number=insured.member_number)
    async with payer.transaction() as tx:
        sql = "SELECT actor_id, patient FROM masterlinc.audit_event WHERE action = 'policy.cover_read'"
        rows = await tx.fetch(sql)
    assert [(row["actor_id"], row["patient"]) for row in rows] == [(clinic.principal.user_id, insured.member_id)]


async def test_it_joins_a_transaction_and_gives_its_scope_back(clinic: Context, insured: Insured) -> None:
    async with clinic.transaction() as tx:
        assert (await find(clinic, member_number=insured.member_number)).found is True
        assert tx.organizations == clinic.principal.organizations
        assert await tx.fetchval("SELECT count(*) FROM policylinc.member") == 0


# Enrolment ---------------------------------------------------------------------------------------


def unknown(payer: Context, **changes: Any) -> EnrolMember:
    facts: dict[str, Any] = {
        "payer_organization_id": payer.principal.organization_id,
        "name": "Muhammad Ali Abbas",
        "birth_date": date(2010, 8, 21),
        "gender": "male",
        "member_number": "0000000002",
        "identifiers": (PersonIdentifier(IQAMA, "0000000002"),),
        "service_date": date(2021, 8, 30),
        "enrolled_by_simulator": True,
    }
    return EnrolMember(**(facts | changes))


async def test_whom_a_message_names_is_enrolled_as_sent(payer: Context, insured: Insured) -> None:
    enrolled = await payer.call(unknown(payer), FoundCover)
    assert (enrolled.found, enrolled.status, enrolled.policy_class) == (True, CoverStatus.ACTIVE, "C")
    assert enrolled.member_id is not None
    found = await find(payer, date(2021, 8, 30), identifiers=(PersonIdentifier(IQAMA, "0000000002"),))
    assert found.member_id == enrolled.member_id
    terms = await load_terms(
        payer, terms_of(Insured(insured.payer, "", "", enrolled.member_id, insured.identifier), date(2021, 8, 30))
    )
    assert terms.enrolled_by_simulator is True
    assert {term.benefit for term in terms.benefits if term.covered} >= {"outpatient", "dental"}
    async with payer.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM policylinc.member_identifier WHERE member_id = $1", enrolled.member_id)
    assert row["valid"] is False  # the sample's number breaks the rules of its system
    assert b"0000000002" not in row["sealed"]
    assert "0000000002" not in (enrolled.policy_number or "")  # it stands in clear in decisions
    label = f"member_identifier/{enrolled.member_id}"
    assert payer.vault.open(insured.payer, label, row["sealed"]) == b"0000000002"


async def test_enrolling_again_answers_the_same_member(payer: Context, insured: Insured) -> None:
    made = await asyncio.gather(*(payer.call(unknown(payer), FoundCover) for _ in range(5)))
    assert len({one.member_id for one in made}) == 1
    next_year = await payer.call(unknown(payer, service_date=date(2022, 2, 5)), FoundCover)
    assert next_year.member_id != made[0].member_id


async def test_a_class_that_the_product_lacks_becomes_the_configured_one(payer: Context, insured: Insured) -> None:
    enrolled = await payer.call(unknown(payer, policy_class="CB135"), FoundCover)
    assert enrolled.policy_class == "C"


async def test_a_payer_without_products_enrols_nobody(payer: Context) -> None:
    with pytest.raises(NoSuchProduct):
        await payer.call(unknown(payer), FoundCover)


async def test_nobody_enrols_at_another_payer(clinic: Context, payer: Context, insured: Insured) -> None:
    with pytest.raises(NotFound):
        await clinic.call(unknown(payer), FoundCover)


async def test_a_license_names_a_payer_by_its_number_too(clinic: Context, payer: Context, insured: Insured) -> None:
    info = await clinic.call(FindOrganization(await license_of(payer)), OrganizationInfo)
    assert info.organization_id == insured.payer


async def test_a_message_is_enrolled_as_it_comes_but_needs_a_number(payer: Context, insured: Insured) -> None:
    odd = unknown(payer, member_number="AB/٣-#", gender="neither", name=" ", birth_date=None)
    assert (await payer.call(odd, FoundCover)).found is True
    for number in ("", "x" * 65):
        with pytest.raises(Invalid):
            await payer.call(unknown(payer, member_number=number), FoundCover)
