"""Authorizations over HTTP: each side sees its own, the provider cancels and extends, once a key."""

import asyncio

import pytest
import pytest_asyncio
from authorization_builders import decide, facts_of, payer, request, shown, using
from claim_builders import line
from claim_parties import make_parties

from claimlinc.adjudication import Facts
from claimlinc.adjudication import decide as judge
from claimlinc.contract import RecordClaim, RecordedClaim, Use
from claimlinc.service import authorizing
from claimlinc.service.authorizing import Made
from masterlinc import ids
from masterlinc.ids import new_id
from masterlinc.testing import bearer

URL = "/api/v1/authorizations"


@pytest.fixture
def provider(running, parties):
    return bearer(running, parties.provider.principal)


@pytest.fixture
def insurer(running, parties):
    return bearer(running, parties.payer.principal)


@pytest_asyncio.fixture(loop_scope="session")
async def asked(parties):
    """A granted request that its provider recorded, and the number of the authorization."""
    made = request(parties)
    await parties.provider.call(RecordClaim(made), RecordedClaim)
    return (await decide(parties, made)).decision.preauth_ref


async def use_all(parties, reference):
    claim = request(parties, line("150", quantity="3"), use=Use.CLAIM)
    async with payer(parties).transaction() as tx:
        facts = await facts_of(parties, tx, claim)
        decision = using(judge(claim, facts), reference)
        made = Made(parties.payer_id, parties.provider_id, new_id(), claim, facts, decision)
        await authorizing.post(payer(parties), tx, made)
    return made


async def test_both_sides_see_what_is_left(client, parties, asked, provider, insurer):
    for headers, member in ((provider, None), (insurer, ids.show("MBR", parties.member_id))):
        answer = await client.get(f"{URL}/{asked}", headers=headers)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["authorization_id"], told["status"], told["member_id"]) == (asked, "active", member)
        assert told["provider_id"] == parties.provider_license
        (one,) = told["lines"]
        assert (one["quantity_granted"], one["quantity_left"], one["amount_left"]) == (3, 3, 600.0)
        assert [(entry["kind"], entry["quantity"]) for entry in told["entries"]] == [("grant", 3)]
        assert told["clock"]["late"] is False
        listed = await client.get(URL, headers=headers)
        assert [one["authorization_id"] for one in listed.json()["authorizations"]] == [asked]
        none = await client.get(URL, params={"status_filter": "cancelled"}, headers=headers)
        assert (none.json()["authorizations"], none.json()["total"]) == ([], 0)


async def test_a_state_that_is_none_is_refused(client, provider):
    answer = await client.get(URL, params={"status_filter": "gone"}, headers=provider)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "status_filter"


async def test_anothers_authorization_is_not_there(client, running, asked, make_principal):
    other = await make_parties(running, make_principal)
    for who in (other.provider, other.payer):
        headers = bearer(running, who.principal)
        assert (await client.get(f"{URL}/{asked}", headers=headers)).status_code == 404
        assert (await client.get(URL, headers=headers)).json()["authorizations"] == []
    headers = bearer(running, other.provider.principal)
    assert (await client.post(f"{URL}/{asked}/cancel", headers=headers)).status_code == 404
    body = {"lines": [{"sequence": 1, "quantity": 1}]}
    assert (await client.post(f"{URL}/{asked}/extend", json=body, headers=headers)).status_code == 404


async def test_a_payer_neither_cancels_nor_extends(client, asked, insurer):
    assert (await client.post(f"{URL}/{asked}/cancel", headers=insurer)).status_code == 403
    body = {"lines": [{"sequence": 1, "quantity": 1}]}
    assert (await client.post(f"{URL}/{asked}/extend", json=body, headers=insurer)).status_code == 403


async def test_cancelling_releases_what_was_not_used_once(client, parties, asked, provider):
    key = {"Idempotency-Key": new_id().hex}
    first = await client.post(f"{URL}/{asked}/cancel", headers=provider | key)
    assert first.status_code == 200, first.text
    assert (first.json()["status"], first.json()["lines"][0]["quantity_left"]) == ("cancelled", 0)
    again = await client.post(f"{URL}/{asked}/cancel", headers=provider | key)
    assert (again.status_code, again.json()) == (200, first.json())
    other = await client.post(f"{URL}/{asked}/cancel", headers=provider)
    assert (other.status_code, other.json()["code"]) == (409, "authorization-state")
    head, lines = await shown(parties, asked)
    assert (head["status"], lines[1][0]) == ("cancelled", 0)


async def test_what_is_used_up_is_not_cancelled(client, parties, asked, provider):
    made = await use_all(parties, asked)
    answer = await client.post(f"{URL}/{asked}/cancel", headers=provider)
    assert (answer.status_code, answer.json()["code"]) == (409, "authorization-state")
    async with payer(parties).transaction() as tx:
        await authorizing.take_back(payer(parties), tx, parties.payer_id, made.decision_id)
    assert (await client.post(f"{URL}/{asked}/cancel", headers=provider)).status_code == 200


async def test_a_cancel_and_a_claim_in_one_moment_leave_a_whole_ledger(client, parties, asked, provider):
    answers = await asyncio.gather(
        client.post(f"{URL}/{asked}/cancel", headers=provider), _try_to_use(parties, asked), return_exceptions=True
    )
    head, lines = await shown(parties, asked)
    status, used = answers[0].status_code, lines[1][1]
    assert (head["status"], used, status) in {("cancelled", 0, 200), ("used_up", 3, 409)}


async def _try_to_use(parties, reference):
    claim = request(parties, line("150", quantity="3"), use=Use.CLAIM)
    async with payer(parties).transaction() as tx:
        facts: Facts = await facts_of(parties, tx, claim)
        if not facts.authorizations:
            return
        made = Made(
            parties.payer_id, parties.provider_id, new_id(), claim, facts, using(judge(claim, facts), reference)
        )
        await authorizing.post(payer(parties), tx, made)


async def test_an_extension_is_a_claim_of_its_own_and_sent_twice_it_is_one(client, running, parties, asked, provider):
    body = {"lines": [{"sequence": 1, "quantity": 2}], "service_date": "2026-04-01"}
    first = await client.post(f"{URL}/{asked}/extend", json=body, headers=provider)
    assert first.status_code == 201, first.text
    again = await client.post(f"{URL}/{asked}/extend", json=body, headers=provider)
    assert (again.status_code, again.json()["claim_id"]) == (200, first.json()["claim_id"])
    claim = await client.get(f"/api/v1/claims/{first.json()['claim_id']}", headers=provider)
    told = claim.json()
    assert (told["use"], told["lines"][0]["quantity"], told["lines"][0]["net"]) == ("preauthorization", 2, 420.0)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"lines": []}, ["lines"]),
        ({"lines": [{"sequence": 2, "quantity": 1}]}, ["lines[0].sequence"]),
        (
            {"lines": [{"sequence": 1, "quantity": 0}, {"sequence": 9, "quantity": 1}], "service_date": "1447-01-01"},
            ["service_date", "lines[0].quantity", "lines[1].sequence"],
        ),
        ({"lines": [{"sequence": 1, "quantity": 999999999}]}, []),
    ],
)
async def test_every_fault_of_an_extension_is_told(client, asked, provider, body, paths):
    answer = await client.post(f"{URL}/{asked}/extend", json=body, headers=provider)
    if not paths:
        assert answer.status_code == 201, answer.text
        return
    assert answer.status_code == 422, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == paths
    assert all(one["detail_ar"] for one in answer.json()["errors"])


async def test_a_cancelled_authorization_is_not_extended(client, asked, provider):
    await client.post(f"{URL}/{asked}/cancel", headers=provider)
    body = {"lines": [{"sequence": 1, "quantity": 2}]}
    answer = await client.post(f"{URL}/{asked}/extend", json=body, headers=provider)
    assert (answer.status_code, answer.json()["code"]) == (409, "authorization-state")
