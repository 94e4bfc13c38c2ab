"""Newborns on their mother's cover: hers for 90 days, their own as soon as they are enrolled."""

from datetime import date, timedelta
from typing import Any

import pytest
from policy_builders import Insured, national_id, terms_of
from test_roster import number, send

from masterlinc.context import Context
from policylinc.contract import CoverStatus, FindCover, FoundCover
from policylinc.cover import find_cover
from policylinc.ledger import load_terms

BORN = date(2026, 3, 1)


async def find(ctx: Context, insured: Insured, day: date, **more: Any) -> FoundCover:
    asked = {"member_number": insured.member_number, "birth_date": BORN} | more
    return await find_cover(ctx, FindCover(day, **asked))


async def enrol(ctx: Context, insured: Insured, **more: str) -> str:
    child = number()
    line = {"policy_number": insured.policy_number, "member_number": child, "name": "A newborn"}
    sponsor = {"relationship": "child", "sponsor_number": insured.member_number, "birth_date": str(BORN)}
    assert await send(ctx, line | sponsor | more) == (1, 0, 0, 0)
    return child


@pytest.mark.parametrize("days", [0, 1, 90])
async def test_a_newborn_is_on_the_mother_s_cover_for_ninety_days(payer: Context, insured: Insured, days: int) -> None:
    found = await find(payer, insured, BORN + timedelta(days))
    assert (found.found, found.newborn, found.status) == (True, True, CoverStatus.ACTIVE)
    assert (found.member_id, found.reason) == (insured.member_id, "")


async def test_then_it_ends_and_says_so(payer: Context, insured: Insured) -> None:
    found = await find(payer, insured, BORN + timedelta(91))
    assert (found.found, "90 days" in found.reason, "90 يوماً" in found.reason_ar) == (False, True, True)


async def test_the_mother_herself_is_nobody_s_newborn(payer: Context, insured: Insured) -> None:
    for born in (date(1990, 5, 1), None, date(2024, 1, 1)):  # as enrolled, unsaid, too old to be looked at
        found = await find(payer, insured, BORN, birth_date=born)
        assert (found.found, found.newborn, found.member_id) == (True, False, insured.member_id)


async def test_who_is_not_born_yet_is_left_to_the_decision(payer: Context, insured: Insured) -> None:
    found = await find(payer, insured, BORN - timedelta(1))
    assert (found.found, found.newborn) == (True, False)


async def test_a_father_s_number_is_not_the_mother_s(payer: Context, insured: Insured) -> None:
    father = number()
    await send(
        payer,
        {"policy_number": insured.policy_number, "member_number": father, "name": "Omar", "birth_date": "1988-01-01"}
        | {"gender": "male"},
    )
    found = await find(payer, insured, BORN, member_number=father)
    assert (found.found, "mother" in found.reason) == (False, True)


async def test_an_enrolled_child_is_on_its_own_cover(payer: Context, insured: Insured) -> None:
    """By whose child it is, on a day on which its own cover holds; before it, the mother's does."""
    child = await enrol(payer, insured, effective_from="2026-04-01")
    before = await find(payer, insured, date(2026, 3, 31))
    assert (before.newborn, before.member_id) == (True, insured.member_id)
    for day in (date(2026, 4, 1), date(2026, 9, 1)):
        found = await find(payer, insured, day)
        own = await find(payer, insured, day, member_number=child)
        assert (found.newborn, found.member_id, found.status) == (False, own.member_id, CoverStatus.ACTIVE)
    assert own.member_id != insured.member_id


async def test_an_enrolled_child_is_found_by_its_own_identifier_among_twins(payer: Context, insured: Insured) -> None:
    one = national_id(31)
    first = await enrol(payer, insured, national_id=one.value)
    await enrol(payer, insured)
    unclear = await find(payer, insured, BORN)
    assert (unclear.newborn, unclear.member_id) == (True, insured.member_id)
    found = await find(payer, insured, BORN, identifiers=(one,))
    assert found.member_id == (await find(payer, insured, BORN, member_number=first)).member_id


async def test_terms_of_a_newborn_are_the_mother_s_within_its_days(payer: Context, insured: Insured) -> None:
    terms = await load_terms(payer, terms_of(insured, BORN, newborn_born_on=BORN))
    assert (terms.member_id, terms.birth_date, terms.sex) == (insured.member_id, BORN, None)
    assert (terms.effective_date, terms.expiry_date) == (BORN, BORN + timedelta(90))
    late = await load_terms(payer, terms_of(insured, date(2026, 12, 1), newborn_born_on=date(2026, 12, 1)))
    assert late.expiry_date == date(2026, 12, 31)
