"""A claim's way through its workflow, with the real agents: codes, arithmetic, cover, signature, exchange, decision."""

import asyncio

import pytest
import pytest_asyncio
from claim_builders import NATIONAL_ID_OF_SARA, line, sar, submission
from claim_parties import make_parties

from claimlinc.contract import (
    ClaimType,
    Cover,
    Identifier,
    LoadClaim,
    LoadedClaim,
    RecordClaim,
    RecordedClaim,
    Subject,
)
from masterlinc import ids
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id
from masterlinc.testing import bearer, client_of

STAGES = [
    "submitted",
    "normalized",
    "financial_rules",
    "policy_validation",
    "signing",
    "nphies_submission",
    "adjudicated",
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exchange(run_app):
    """An application whose simulated hub refuses only broken envelopes."""
    return await run_app(nphieslinc={"strictness": "envelope"})


@pytest_asyncio.fixture(loop_scope="session")
async def parties(exchange, make_principal):
    return await make_parties(exchange, make_principal)


@pytest_asyncio.fixture(loop_scope="session")
async def client(exchange):
    async with client_of(exchange) as http:
        yield http


@pytest.fixture
def headers(exchange, parties):
    return bearer(exchange, parties.provider.principal)


def form(parties, **changes):
    body = {
        "claim_type": "oral",
        "claim_number": f"N-{new_id().hex}",
        "patient": {
            "name": "Sara Ali",
            "birth_date": "1990-01-01",
            "gender": "female",
            "identifiers": [{"type": "national_id", "value": NATIONAL_ID_OF_SARA}],
        },
        "payer_id": parties.payer_license,
        "member_number": parties.member_number,
        "lines": [
            {
                "service_code": "012",
                "code_system": "http://nphies.sa/terminology/CodeSystem/oral-health-op",
                "unit_price": 200,
                "tax": 30,
                "service_date": "2026-03-10",
            }
        ],
        "diagnoses": [{"code": "K01.1"}],
        "care_team": [{"license": "PR-1", "role": "primary"}],
    }
    return body | changes


async def finished(client, headers, exchange, claim_id):
    """Wait until the claim's workflow has come to its end or is stuck."""
    async with asyncio.timeout(20):
        while True:
            await exchange.dispatcher.idle()
            shown = (await client.get(f"/api/v1/claims/{claim_id}", headers=headers)).json()
            if shown["status"] != "pending" or any(step["status"] == "failed" for step in shown["workflow_steps"]):
                return shown


async def submitted(client, headers, body):
    answer = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["claim_id"]


async def test_a_claim_goes_in_and_an_adjudicated_answer_comes_out(client, headers, exchange, parties):
    """Billed 200 + 30 tax, co-pay 15 %: payer 170 + 25.50, patient 30 + 4.50."""
    claim_id = await submitted(client, headers, form(parties))
    shown = await finished(client, headers, exchange, claim_id)
    assert [(step["step"], step["status"]) for step in shown["workflow_steps"]] == [
        (stage, "completed") for stage in STAGES
    ]
    assert all(step["timestamp"] for step in shown["workflow_steps"])
    assert shown["status"] == "approved"
    assert shown["lines"][0]["normalized_code"] == "012"
    decided = (await client.get(f"/api/v1/claims/{claim_id}/adjudication", headers=headers)).json()
    assert decided["outcome"] == "approved"
    (one,) = decided["lines"]
    assert (one["payer_share"], one["patient_share"], one["copay"]) == (195.5, 34.5, 30)
    assert one["trace"]
    assert decided["totals"]["payer_share"] == 195.5
    payer = bearer(exchange, parties.payer.principal)
    whole = (await client.get(f"/api/v1/claims/{claim_id}/adjudication", headers=payer)).json()
    assert whole["trace"][0]["inputs"]["contract"] == "C1"
    for seen in (whole, *whole["lines"]):
        seen["trace"] = [{name: step[name] for name in ("rule", "result", "text", "text_ar")} for step in seen["trace"]]
    assert whole == decided  # the provider is told each rule and its words, and not what the payer knew besides


async def test_a_claim_without_a_cover_goes_to_the_payer_with_a_warning(client, headers, exchange, parties):
    patient = {"name": "Nobody", "identifiers": [{"type": "mrn", "value": "1"}]}
    body = form(parties, patient=patient, member_number="M-unknown")
    shown = await finished(client, headers, exchange, await submitted(client, headers, body))
    assert [one["rule"] for one in shown["findings"]] == ["cover-found"]
    assert shown["status"] != "pending"


async def test_wrong_figures_of_a_message_are_kept_as_findings(exchange, parties):
    wrong = submission(
        line("200", net=sar("230")),
        identifier=Identifier("http://clinic.test/claim", new_id().hex),
        provider_license=parties.provider_license,
        payer_license=parties.payer_license,
        cover=Cover(member_id=parties.member_number),
        subject=Subject(name="Sara", identifiers=(Identifier(NATIONAL_ID, NATIONAL_ID_OF_SARA),)),
        claim_type=ClaimType.ORAL,
    )
    recorded = await parties.provider.call(RecordClaim(wrong), RecordedClaim)
    await exchange.dispatcher.idle()
    claim_id = ids.parse("CLM", recorded.claim_id)
    async with parties.provider.transaction() as tx:
        rules = await tx.fetch(
            "SELECT rule FROM claimlinc.finding WHERE claim_id = $1 AND step = 'financial_rules'", claim_id
        )
    assert rules
    loaded = await parties.provider.call(LoadClaim(claim_id), LoadedClaim)
    assert loaded.submission == wrong
    assert loaded.signature


async def test_an_authorization_is_extended_by_a_request_that_goes_the_whole_way(client, headers, exchange, parties):
    claim_id = await submitted(client, headers, form(parties, use="preauthorization"))
    assert (await finished(client, headers, exchange, claim_id))["status"] == "approved"
    reference = (await client.get(f"/api/v1/claims/{claim_id}/adjudication", headers=headers)).json()["preauth_ref"]
    body = {"lines": [{"sequence": 1, "quantity": 2}], "service_date": "2026-03-20"}
    asked = await client.post(f"/api/v1/authorizations/{reference}/extend", json=body, headers=headers)
    assert asked.status_code == 201, asked.text
    shown = await finished(client, headers, exchange, asked.json()["claim_id"])
    assert (shown["status"], shown["amount"]) == ("approved", 460)  # 2 x (200 + 30)
    told = (await client.get(f"/api/v1/authorizations/{reference}", headers=headers)).json()
    assert (told["status"], told["lines"][0]["quantity_left"], told["lines"][0]["amount_left"]) == ("active", 3, 600)
    assert [one["kind"] for one in told["entries"]] == ["grant", "grant"]


async def test_a_correction_goes_the_whole_way_and_stands_in_the_place_of_the_old_claim(
    client, headers, exchange, parties
):
    """200 + 30 corrected to 100 + 15: the message names the old claim, the payer takes back 170 and posts 85."""
    old = await submitted(client, headers, form(parties))
    await finished(client, headers, exchange, old)
    lines = [form(parties)["lines"][0] | {"unit_price": 100, "tax": 15}]
    asked = await client.post(f"/api/v1/claims/{old}/correct", json=form(parties, lines=lines), headers=headers)
    assert asked.status_code == 201, asked.text
    new = asked.json()["claim_id"]
    shown = await finished(client, headers, exchange, new)
    assert (shown["status"], shown["corrects"]) == ("approved", [old])
    before = (await client.get(f"/api/v1/claims/{old}", headers=headers)).json()
    assert (before["status"], before["corrected_by"]) == ("replaced", new)
    async with parties.payer.transaction() as tx:
        used = await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)
    assert used == 85
    gone = await client.post(f"/api/v1/claims/{new}/cancel", json={"reason": "NP"}, headers=headers)
    assert gone.json()["status"] == "cancelled", gone.text
    async with parties.payer.transaction() as tx:
        used = await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)
    assert used == 0
