"""A member's history with a payer: written with each decision, read for the next, the payer's alone, never changed."""

from datetime import date, timedelta

import asyncpg
import pytest
from claim_builders import DAY, SERVICES, line
from msgspec.structs import replace
from test_claim_service import claim, decide

from claimlinc.adjudication.facts import PastLine
from claimlinc.contract import (
    CareTeamMember,
    ClaimType,
    Coding,
    Cover,
    DecideSubmission,
    Diagnosis,
    Subject,
    SupportingInfo,
    Use,
)
from claimlinc.service import history
from masterlinc.ids import new_id
from masterlinc.money import Quantity
from policylinc.contract import LoadTerms, ServiceRule, ServiceRuleKind, Terms


async def past_of(parties, made, *rules):
    """Return the history that the next claim would be decided on."""
    request = DecideSubmission(parties.payer_id, parties.provider_id, made)
    scoped = parties.payer.acting_for(parties.payer_id)
    async with scoped.transaction() as tx:
        load = LoadTerms(parties.payer_id, parties.member_id, DAY, parties.provider_id)
        terms = replace(await scoped.call(load, Terms), rules=rules)
        return await history.load_history(tx, request, terms)


async def test_a_decided_line_is_seen_by_the_next_claim_of_the_member(parties):
    rows = (
        line("200", "30", codes=(Coding(SERVICES, "97011-00-00"), Coding("http://local", "D1")), body_site="11"),
        line("50", "0", "2", sequence=2, surfaces=("M", "O"), information_sequences=(1,), diagnosis_sequences=(2,)),
    )
    made = claim(
        parties,
        *rows,
        diagnoses=(Diagnosis(1, "K02.1", "secondary"), Diagnosis(2, "k04.0", "principal")),
        care_team=(CareTeamMember(1, "Dr", "DOC-1"),),
        supporting_info=(SupportingInfo(1, "days-supply", text="30", unit="d"),),
    )
    decided = await decide(parties, made)
    found = await past_of(parties, claim(parties, *rows))
    first, second = found
    assert first == PastLine(
        decision_id=decided.decision_id,
        claim=made.identifier.value,
        claim_system=made.identifier.system,
        sequence=1,
        service_date=DAY,
        provider_organization_id=parties.provider_id,
        codes=rows[0].codes,
        benefit="dental",
        quantity=Quantity(1),
        outcome=decided.decision.lines[0].outcome,
        body_site="11",
        practitioner="DOC-1",
        diagnoses=("K04.0", "K02.1"),
    )
    assert (second.quantity, second.surfaces, second.days_supply, second.diagnoses) == (2, ("M", "O"), 30, ("K04.0",))


async def test_a_preauthorization_an_unknown_person_and_the_claim_itself_leave_no_history(parties):
    await decide(parties, claim(parties, use=Use.PREAUTHORIZATION))
    await decide(parties, claim(parties, cover=Cover(member_id="nobody"), subject=Subject(name="X")))
    made = claim(parties)
    await decide(parties, made)
    assert await past_of(parties, made) == ()
    assert len(await past_of(parties, claim(parties))) == 1


async def test_history_reaches_a_year_and_a_day_to_both_sides(parties):
    """A service of 2027-03-12 sees 366 days back to 2026-03-11, not the day before; one of 2025-03-10 as far ahead."""
    first, second = DAY, DAY + timedelta(days=1)
    await decide(parties, claim(parties, line(service_date=first), line(sequence=2, service_date=second)))
    assert [
        one.service_date for one in await past_of(parties, claim(parties, line(service_date=date(2027, 3, 12))))
    ] == [second]
    assert [
        one.service_date for one in await past_of(parties, claim(parties, line(service_date=date(2025, 3, 9))))
    ] == [first]


async def test_a_longer_rule_makes_the_window_longer(parties):
    await decide(parties, claim(parties))
    made, later = claim(parties, line(service_date=date(2028, 3, 1))), timedelta(days=722)
    assert date(2028, 3, 1) - DAY == later
    assert await past_of(parties, made) == ()
    rule = ServiceRule("f.1", ServiceRuleKind.FREQUENCY, "Once in 2 years", "مرة كل سنتين", days=730, count=1)
    assert len(await past_of(parties, made, rule)) == 1


async def test_rejected_lines_and_lines_of_no_use_are_not_seen(parties):
    """A line before the policy began is rejected; an X-ray of another day is nothing that the next claim can use."""
    xray = line(codes=(Coding(SERVICES, "57506-04-21"),), service_date=DAY + timedelta(days=1), sequence=2)
    await decide(parties, claim(parties, line(service_date=date(2025, 12, 31)), xray))
    assert await past_of(parties, claim(parties)) == ()


async def test_a_withdrawn_decision_no_longer_counts(parties):
    kept, dropped = await decide(parties, claim(parties)), await decide(parties, claim(parties, line("10")))
    async with parties.payer.transaction() as tx:
        for _ in range(2):
            now = parties.payer.clock.now()
            await history.withdraw_decision(tx, parties.payer_id, dropped.decision_id, "cancelled", now)
    assert {one.decision_id for one in await past_of(parties, claim(parties))} == {kept.decision_id}


async def test_of_too_many_lines_the_nearest_are_read(parties, monkeypatch):
    days = (DAY, DAY + timedelta(days=3), DAY - timedelta(days=40))
    lines = [line(sequence=number, service_date=day) for number, day in enumerate(days, start=1)]
    await decide(parties, claim(parties, *lines))
    monkeypatch.setattr(history, "MOST_LINES", 2)
    assert [one.service_date for one in await past_of(parties, claim(parties))] == [DAY, DAY + timedelta(days=3)]


async def test_history_is_kept_with_the_decision(parties):
    await decide(parties, claim(parties, line("10"), claim_type=ClaimType.PROFESSIONAL))
    decided = await decide(parties, claim(parties))
    async with parties.payer.transaction() as tx:
        facts = await tx.fetchval(
            "SELECT facts FROM claimlinc.decision_basis WHERE decision_id = $1", decided.decision_id
        )
    assert '"benefit":"outpatient"' in facts.replace(" ", "")


async def test_the_provider_sees_no_history_and_the_payer_changes_none(parties):
    await decide(parties, claim(parties))
    async with parties.provider.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM claimlinc.past_line") == 0
    for statement in (
        "UPDATE claimlinc.past_line SET quantity = 0 WHERE member_id = $1",
        "DELETE FROM claimlinc.past_line WHERE member_id = $1",
        "DELETE FROM claimlinc.withdrawn_decision WHERE decision_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with parties.payer.transaction() as tx:
                await tx.execute(statement, parties.member_id)


async def test_history_is_of_the_person_and_goes_on_when_the_policy_is_renewed(parties):
    """The row is the person's; the terms of next year's member, who is the same person, find it."""
    await decide(parties, claim(parties))
    async with parties.payer.transaction() as tx:
        owner = await tx.fetchval(
            "SELECT member_id FROM claimlinc.past_line WHERE organization_id = $1", parties.payer_id
        )
        person = await tx.fetchval("SELECT person_id FROM policylinc.member WHERE id = $1", parties.member_id)
    assert owner == person
    request = DecideSubmission(parties.payer_id, parties.provider_id, claim(parties))
    scoped = parties.payer.acting_for(parties.payer_id)
    async with scoped.transaction() as tx:
        terms = await scoped.call(LoadTerms(parties.payer_id, parties.member_id, DAY, parties.provider_id), Terms)
        renewed = replace(terms, member_id=new_id())
        assert len(await history.load_history(tx, request, renewed)) == 1
        assert await history.load_history(tx, request, replace(renewed, person_id=new_id())) == ()
