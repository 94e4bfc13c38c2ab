"""Claims over HTTP: the first system's shapes, every fault with its path, nobody else's claim."""

import asyncio
from datetime import UTC, datetime

import pytest

from masterlinc.ids import new_id, show
from masterlinc.testing import bearer

FLAT = {
    "patient_id": "PAT-001",
    "provider_id": "PROV-001",
    "service_code": "83600-00-10",
    "amount": 1500.0,
    "diagnosis_codes": ["J06.9", "R51"],
    "service_date": "2026-03-10",
    "notes": "Routine visit",
}


@pytest.fixture
def headers(running, parties):
    return bearer(running, parties.provider.principal)


async def submit(client, headers, **changes):
    return await client.post("/api/v1/claims/submit", json=FLAT | changes, headers=headers)


async def test_the_flat_claim_of_the_first_system(client, headers):
    answer = await submit(client, headers)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert set(body) == {"claim_id", "status", "submitted_at", "estimated_processing_time"}
    assert body["claim_id"].startswith("CLM-")
    assert (body["status"], body["estimated_processing_time"]) == ("pending", 5)
    shown = (await client.get(f"/api/v1/claims/{body['claim_id']}", headers=headers)).json()
    assert shown["patient_id"] == "PAT-001"
    assert shown["provider_id"] == "PROV-001"
    assert shown["service_code"] == "83600-00-10"
    assert shown["amount"] == 1500
    assert shown["submitted_at"] == body["submitted_at"]
    steps = [(step["step"], step["status"]) for step in shown["workflow_steps"]]
    assert steps[0] == ("submitted", "completed")
    assert [name for name, _ in steps[1:]] == [
        "normalized",
        "financial_rules",
        "policy_validation",
        "signing",
        "nphies_submission",
        "adjudicated",
    ]


@pytest.mark.parametrize(
    "minimal",
    [
        {"patient_id": "P1", "provider_id": "D1", "service_code": "X", "amount": 0.01},
        {
            "patient_id": "P1",
            "provider_id": "D1",
            "service_code": "X",
            "amount": 99,
            "service_date": None,
            "notes": None,
        },
        {
            "patient_id": "P1",
            "provider_id": "D1",
            "service_code": "X",
            "amount": 99,
            "service_date": "2026-03-10T23:30:00Z",
        },
        {"patient_id": "P1", "provider_id": "D1", "service_code": "X", "amount": 99, "diagnosis_codes": []},
    ],
)
async def test_bodies_of_the_first_systems_clients(client, headers, minimal):
    answer = await client.post("/api/v1/claims/submit", json=minimal, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_the_same_claim_twice_is_one_claim(client, headers):
    first, second = await submit(client, headers), await submit(client, headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["claim_id"] == second.json()["claim_id"]
    other = await submit(client, headers, amount=1500.01)
    assert other.status_code == 201
    listed = (await client.get("/api/v1/claims", headers=headers)).json()
    assert (listed["total"], listed["total_exact"]) == (2, True)


async def test_an_idempotency_key_answers_the_same_again(client, headers):
    keyed = headers | {"Idempotency-Key": new_id().hex}
    first, again = await submit(client, keyed), await submit(client, keyed)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    assert (await submit(client, keyed, amount=7)).status_code == 422
    another_key = await submit(client, headers | {"Idempotency-Key": new_id().hex})
    assert (another_key.status_code, another_key.json()["claim_id"]) == (200, first.json()["claim_id"])


async def test_the_same_claim_at_the_same_time_is_one_claim(client, headers):
    answers = await asyncio.gather(*(submit(client, headers) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["claim_id"] for answer in answers}) == 1


async def test_every_fault_is_listed_with_its_path(client, headers):
    answer = await submit(client, headers, amount=0, service_date="tomorrow", notes="a\u202eb", service_code="")
    assert answer.status_code == 422
    body = answer.json()
    assert {error["path"] for error in body["errors"]} >= {"amount", "service_date", "notes", "service_code"}
    assert all(error["detail"] and error["detail_ar"] for error in body["errors"])
    assert body["code"] == "claim-invalid"


async def test_missing_fields_of_the_short_form(client, headers):
    answer = await client.post("/api/v1/claims/submit", json={}, headers=headers)
    assert answer.status_code == 422
    assert {error["path"] for error in answer.json()["errors"]} == {"patient_id", "service_code", "amount"}


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"{", 400, None),
        (b'{"patient_id": "P", "x": 1}', 422, "x"),
        ('{"patient_id": "P", "amount": "١٢"}'.encode(), 422, "amount"),
        (b'{"patient_id": "P", "amount": NaN}', 400, None),
        (b'{"patient_id": "P", "amount": 1.005}', 422, "amount"),
        (b'{"patient_id": "P", "amount": -1}', 422, "amount"),
        (b'{"patient_id": "P", "amount": 1e3}', 422, "amount"),
        (b'{"patient_id": 5}', 422, "patient_id"),
    ],
)
async def test_bad_bodies(client, headers, body, status, path):
    answer = await client.post(
        "/api/v1/claims/submit", content=body, headers=headers | {"content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    if path:
        assert answer.json()["errors"][0]["path"] == path


async def test_a_patient_number_of_nobody_is_refused_and_a_local_number_is_kept(client, headers):
    unknown = await submit(client, headers, patient_id=show("PAT", new_id()))
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["path"] == "patient_id"
    local = await submit(client, headers, patient_id="MRN 12/7")
    assert local.status_code == 201


async def test_another_providers_name_is_refused(client, headers, running, make_principal, parties):
    from claim_parties import organization

    from authlinc.contract import OrganizationKind
    from masterlinc.identity import PROVIDER_LICENSE

    _, license_number = await organization(running, OrganizationKind.PROVIDER, PROVIDER_LICENSE)
    answer = await submit(client, headers, provider_id=license_number)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "provider_id"
    own = await submit(client, headers, provider_id=parties.provider_license)
    assert own.status_code == 201


def full(parties, **changes):
    body = {
        "claim_type": "oral",
        "claim_number": f"N-{new_id().hex}",
        "patient": {
            "name": "سارة علي",
            "birth_date": "1990-01-01",
            "gender": "female",
            "identifiers": [{"type": "mrn", "value": "7788"}],
        },
        "payer_id": parties.payer_license,
        "policy_number": parties.policy_number,
        "member_number": parties.member_number,
        "lines": [
            {"service_code": "012", "unit_price": 200, "tax": 30, "net": 230, "service_date": "2026-03-10"},
            {
                "service_code": "515",
                "unit_price": "99.50",
                "quantity": 2,
                "service_date": "2026-03-10",
                "surfaces": ["M"],
            },
        ],
        "diagnoses": [{"code": "K01.1"}, {"code": "K02.9"}],
        "care_team": [{"license": "PR-1", "role": "primary"}],
        "supporting_info": [{"category": "chief-complaint", "text": "ألم"}],
        "attachments": [{"title": "x-ray", "content_type": "image/png", "data": "aGVsbG8="}],
        "total": 429,
    }
    return body | changes


async def test_the_full_form(client, headers, parties):
    answer = await client.post("/api/v1/claims/submit", json=full(parties), headers=headers)
    assert answer.status_code == 201, answer.text
    shown = (await client.get(f"/api/v1/claims/{answer.json()['claim_id']}", headers=headers)).json()
    assert shown["amount"] == 429
    assert [line["net"] for line in shown["lines"]] == [230, 199]
    assert shown["claim_type"] == "oral"


async def test_a_claim_number_is_used_once(client, headers, parties):
    body = full(parties)
    first = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    again = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    changed = body | {"notes": "another claim"}
    taken = await client.post("/api/v1/claims/submit", json=changed, headers=headers)
    assert taken.status_code == 409
    assert taken.json()["code"] == "claim-number-taken"
    assert taken.json()["claim_id"] == first.json()["claim_id"]


async def test_the_full_forms_faults_come_together(client, headers, parties):
    body = full(
        parties,
        total=430,
        payer_id="NOBODY",
        lines=[
            {"service_code": "012", "unit_price": 200, "net": 201, "quantity": 1, "diagnosis_sequences": [9]},
            {"service_code": "", "unit_price": 1, "quantity": 0, "sequence": 1, "service_date": "10/03/2026"},
        ],
        diagnoses=[{"code": "K01.1", "type": "principal"}, {"code": "K02", "type": "principal"}],
        attachments=[{"title": "x", "content_type": "image/png", "data": "%%%"}],
        care_team=[{}],
        patient={"name": "X", "identifiers": [{"type": "national_id", "value": "1234567890"}]},
    )
    answer = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    assert answer.status_code == 422
    paths = {error["path"] for error in answer.json()["errors"]}
    assert paths == {
        "total",
        "payer_id",
        "lines[0].net",
        "lines[0].diagnosis_sequences",
        "lines[1].service_code",
        "lines[1].quantity",
        "lines[1].sequence",
        "lines[1].service_date",
        "diagnoses",
        "attachments[0].data",
        "care_team[0].license",
        "patient.identifiers[0].value",
    }


async def test_nobody_sees_anothers_claim(client, headers, running, make_principal, parties):
    claim_id = (await submit(client, headers)).json()["claim_id"]
    stranger = bearer(running, make_principal("billing"))
    for path in (claim_id, f"{claim_id}/adjudication"):
        assert (await client.get(f"/api/v1/claims/{path}", headers=stranger)).status_code == 404
    assert (await client.get("/api/v1/claims", headers=stranger)).json()["claims"] == []
    payer = bearer(running, parties.payer.principal)
    assert (await client.get(f"/api/v1/claims/{claim_id}", headers=payer)).status_code == 404  # it names no payer


async def test_a_payer_sees_the_claims_addressed_to_it(client, headers, running, parties):
    claim_id = (await client.post("/api/v1/claims/submit", json=full(parties), headers=headers)).json()["claim_id"]
    payer = bearer(running, parties.payer.principal)
    shown = await client.get(f"/api/v1/claims/{claim_id}", headers=payer)
    assert shown.status_code == 200, shown.text
    assert [line["service_code"] for line in shown.json()["lines"]] == ["012", "515"]
    listed = (await client.get("/api/v1/claims", headers=payer)).json()
    assert [claim["claim_id"] for claim in listed["claims"]] == [claim_id]
    refused = await client.post("/api/v1/claims/submit", json=full(parties), headers=payer)
    assert refused.status_code == 403


@pytest.mark.parametrize("reference", ["CLM-1", "PAT-00000000000000000000000000", "x", show("CLM", new_id())])
async def test_unknown_and_malformed_numbers_are_404(client, headers, reference):
    for path in (reference, f"{reference}/adjudication"):
        assert (await client.get(f"/api/v1/claims/{path}", headers=headers)).status_code == 404


async def test_pages_and_the_status_filter(client, headers):
    for amount in range(1, 4):
        assert (await submit(client, headers, amount=amount)).status_code == 201
    page = (await client.get("/api/v1/claims?page=2&page_size=2", headers=headers)).json()
    assert (page["total"], page["page"], page["page_size"], len(page["claims"])) == (3, 2, 2, 1)
    assert page["claims"][0]["amount"] == 1  # the newest come first
    assert "lines" not in page["claims"][0]
    none = (await client.get("/api/v1/claims?status_filter=approved", headers=headers)).json()
    assert (none["total"], none["claims"]) == (0, [])
    assert (await client.get("/api/v1/claims?status_filter=lost", headers=headers)).status_code == 422
    assert (await client.get("/api/v1/claims?page_size=101", headers=headers)).status_code == 422


async def test_each_read_is_audited(client, headers, services, parties):
    claim_id = (await submit(client, headers)).json()["claim_id"]
    await client.get(f"/api/v1/claims/{claim_id}", headers=headers)
    await client.get(f"/api/v1/claims/{claim_id}/adjudication", headers=headers)
    await client.get("/api/v1/claims", headers=headers)
    async with services.db.transaction(frozenset({parties.provider_id})) as tx:
        rows = await tx.fetch(
            "SELECT action FROM masterlinc.audit_event WHERE resource_id = $1 AND actor_id = $2 ORDER BY id",
            claim_id,
            parties.provider.principal.user_id,
        )
    assert [row["action"] for row in rows] == ["claim.submit", "claim.read", "claim.read", "claim.list"]


async def test_before_the_answer_the_adjudication_is_empty(client, headers):
    claim_id = (await submit(client, headers)).json()["claim_id"]
    shown = (await client.get(f"/api/v1/claims/{claim_id}/adjudication", headers=headers)).json()
    assert shown["outcome"] is None
    assert shown["totals"] is None
    assert shown["lines"] == []


async def test_a_token_and_the_permission_are_asked_for(client, running, make_principal):
    assert (await client.post("/api/v1/claims/submit", json=FLAT)).status_code == 401
    researcher = bearer(running, make_principal("researcher"))
    assert (await client.get("/api/v1/claims", headers=researcher)).status_code == 403


async def test_times_are_utc(client, headers):
    body = (await submit(client, headers)).json()
    moment = datetime.fromisoformat(body["submitted_at"])
    assert moment.tzinfo is not None
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


async def test_a_provider_is_no_payer(client, headers, parties):
    body = full(parties, payer_id=parties.provider_license)
    answer = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["payer_id"]


async def test_a_claim_is_checked_without_being_recorded(client, headers, parties):
    async def check(claim):
        body = {"task": "claimlinc.validate", "input": {"claim": claim}}
        answer = await client.post("/execute", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    assert await check(FLAT) == {"valid": True, "errors": []}
    wrong = await check(full(parties, total=1))
    assert (wrong["valid"], [error["path"] for error in wrong["errors"]]) == (False, ["total"])
    assert (await client.get("/api/v1/claims", headers=headers)).json()["total"] == 0
