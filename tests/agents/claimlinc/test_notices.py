"""Notice of an emergency: recorded once with its time, for the payer, and found for the claim that follows."""

from datetime import timedelta

import pytest
from authorization_builders import decide, payer, request
from claim_builders import line
from claim_parties import make_parties

from claimlinc.contract import ClaimType, Use
from masterlinc import ids
from masterlinc.clock import RIYADH
from masterlinc.testing import bearer

URL = "/api/v1/authorizations/notices"


@pytest.fixture
def headers(running, parties):
    return bearer(running, parties.provider.principal)


def notice(running, parties, ago=timedelta(hours=2), **changes):
    happened = running.services.clock.now().replace(microsecond=0) - ago
    body = {
        "payer_id": parties.payer_license,
        "member_number": parties.member_number,
        "happened_at": happened.isoformat(),
    }
    return body | changes


async def found_by(parties, day, **more):
    """What a decision on an emergency of a day finds about notice."""
    values = {"claim_type": ClaimType.PROFESSIONAL, "sub_type": "emr", "use": Use.CLAIM} | more
    decided = await decide(parties, request(parties, line("100", service_date=day), **values))
    return [step.case for step in decided.decision.trace if step.rule == "emergency-notice"]


@pytest.mark.parametrize(("hours", "in_time"), [(2, True), (23, True), (25, False)])
async def test_a_notice_is_recorded_with_its_time_and_found_for_the_claim(
    client, running, parties, headers, hours, in_time
):
    body = notice(running, parties, timedelta(hours=hours))
    answer = await client.post(URL, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["in_time"] is in_time
    assert told["notice_id"].startswith("NTC-")
    again = await client.post(URL, json=body, headers=headers)
    assert (again.status_code, again.json()) == (200, told)
    day = (running.services.clock.now() - timedelta(hours=hours)).astimezone(RIYADH).date()
    assert await found_by(parties, day) == ["in-time" if in_time else "late"]
    assert await found_by(parties, day + timedelta(days=1)) == [
        "in-time" if in_time else "late"
    ]  # treated after midnight
    assert await found_by(parties, day - timedelta(days=2)) == ["none"]
    assert await found_by(parties, day, sub_type="op") == []
    assert await found_by(parties, day, use=Use.PREAUTHORIZATION) == []


async def test_the_payer_has_it_with_the_name_of_who_told(client, running, parties, headers):
    told = (await client.post(URL, json=notice(running, parties), headers=headers)).json()
    async with payer(parties).transaction() as tx:
        row = await tx.fetchrow(
            "SELECT * FROM claimlinc.emergency_notice WHERE id = $1", ids.parse("NTC", told["notice_id"])
        )
        audited = await tx.fetchrow(
            "SELECT actor_id, organization_id FROM masterlinc.audit_event WHERE action = 'authorization.notice'"
            " AND resource_id = $1",
            told["notice_id"],
        )
    assert (row["organization_id"], row["member_id"]) == (parties.payer_id, parties.member_id)
    assert tuple(audited) == (parties.provider.principal.user_id, parties.payer_id)


async def test_anothers_notice_is_not_ones_own(client, running, parties, headers, make_principal):
    other = await make_parties(running, make_principal)
    await client.post(URL, json=notice(running, parties), headers=headers)
    day = running.services.clock.now().astimezone(RIYADH).date()
    assert await found_by(other, day) == ["none"]


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"payer_id": "nobody", "member_number": ""}, {"payer_id", "member_number"}),
        ({"member_number": "M-unknown"}, {"member_number"}),
        ({"happened_at": "2026-11-01T10:00:00"}, {"happened_at"}),
        ({"happened_at": "2020-11-01T10:00:00+03:00"}, {"happened_at"}),
        ({"happened_at": "2099-11-01T10:00:00+03:00"}, {"happened_at"}),
        ({"happened_at": "0001-01-01T00:00:00+03:00"}, {"happened_at"}),
    ],
)
async def test_every_fault_is_told(client, running, parties, headers, changes, paths):
    answer = await client.post(URL, json=notice(running, parties, **changes), headers=headers)
    assert answer.status_code == 422, answer.text
    assert {one["path"] for one in answer.json()["errors"]} == paths
    assert all(one["detail_ar"] for one in answer.json()["errors"])


async def test_a_payer_gives_itself_no_notice(client, running, parties):
    headers = bearer(running, parties.payer.principal)
    assert (await client.post(URL, json=notice(running, parties), headers=headers)).status_code == 403
