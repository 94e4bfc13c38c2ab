"""Attack cases of objects: who may not see a thing cannot tell that it is there."""

import json

import asyncpg
import pytest

from masterlinc.ids import new_id, show

PATIENT = {"name": "Sara Ali", "date_of_birth": "1990-01-01", "gender": "female"}
CLAIM = {"patient_id": "PAT-001", "provider_id": "PROV-001", "service_code": "83600-00-10", "amount": 150}
EVERYBODY = ("admin", "doctor", "billing", "auditor", "service")
NOTE = {"sender_id": "claimlinc", "receiver_id": "policylinc", "message_type": "note", "content": {"text": "x"}}
ECHO = {
    "workflow_name": "w",
    "steps": [{"step_id": "a", "agent_id": "masterlinc", "action": "echo", "input_data": {"message": "x"}}],
}
KINDS = {
    "patient": ("PAT", "/api/v1/patients", PATIENT, "patient_id", ["/api/v1/patients/{}"]),
    "claim": (
        "CLM",
        "/api/v1/claims/submit",
        CLAIM,
        "claim_id",
        ["/api/v1/claims/{}", "/api/v1/claims/{}/adjudication"],
    ),
    "message": ("MSG", "/api/v1/message/route", NOTE, "message_id", ["/api/v1/messages/{}"]),
    "workflow": (
        "WFL",
        "/api/v1/workflow/execute",
        ECHO,
        "workflow_id",
        ["/api/v1/workflows/{}", "/api/v1/workflows/{}/timeline"],
    ),
}
ACTIONS = {
    "workflow": [("retry", ...), ("cancel", {"reason": "x"}), ("signal", {"name": "x"}), ("fork", {"from_step": "a"})],
    "message": [("acknowledge", ...)],
}


@pytest.fixture
async def made(house, request):
    """A thing of one clinic, and somebody with the same roles in another."""
    prefix, path, body, key, readers = KINDS[request.param]
    owner, stranger = house.caller(*EVERYBODY), house.caller(*EVERYBODY)
    answer = await owner.send("POST", path, body)
    assert answer.status_code in {200, 201, 202}, answer.text
    return owner, stranger, answer.json()[key], show(prefix, new_id()), readers


def without_trace(answer):
    body = json.loads(answer.content)
    body.pop("trace_id", None)
    return (
        answer.status_code,
        body,
        {name: value for name, value in answer.headers.items() if name not in {"trace-id", "ratelimit"}},
    )


@pytest.mark.parametrize("made", KINDS, indirect=True)
async def test_case_049_anothers_thing_and_no_thing_look_alike(made):
    owner, stranger, key, nothing, readers = made
    for path in readers:
        assert (await owner.send("GET", path.format(key))).status_code in {200, 404}
        foreign = await stranger.send("GET", path.format(key))
        absent = await stranger.send("GET", path.format(nothing))
        assert foreign.status_code == 404
        assert without_trace(foreign) == without_trace(absent)


@pytest.mark.parametrize(("made", "actions"), ACTIONS.items(), indirect=["made"])
async def test_case_042_anothers_thing_cannot_be_acted_on(made, actions):
    owner, stranger, key, nothing, readers = made
    for action, body in actions:
        foreign = await stranger.send("POST", f"{readers[0].format(key)}/{action}", body)
        absent = await stranger.send("POST", f"{readers[0].format(nothing)}/{action}", body)
        assert foreign.status_code == 404
        assert without_trace(foreign) == without_trace(absent)
    assert (await owner.send("GET", readers[0].format(key))).status_code == 200


@pytest.mark.parametrize("made", KINDS, indirect=True)
async def test_case_057_what_one_was_shown_is_not_kept_for_another(made):
    owner, stranger, key, _, readers = made
    path = readers[0].format(key)
    for _ in range(2):
        shown = await owner.send("GET", path)
        assert shown.headers["cache-control"] == "no-store"
        tag = shown.headers.get("etag", '"any"')
        for other in (await stranger.send("GET", path), await stranger.send("GET", path, If_None_Match=tag)):
            assert other.status_code == 404
    nobody = await owner.http.get(path)
    assert nobody.status_code == 401


async def test_case_048_a_stranger_finds_nothing_by_searching(house):
    owner, stranger = house.caller(*EVERYBODY), house.caller(*EVERYBODY)
    name = "Only Zubayda Marghalani"
    await owner.send("POST", "/api/v1/patients", PATIENT | {"name": name, "medical_record_number": "MRN-7"})
    assert (await owner.send("GET", f"/api/v1/patients?search={name}")).json()["total"] == 1
    for word in (name, name[:20], "MRN-7", "Only"):
        found = (await stranger.send("GET", f"/api/v1/patients?search={word}")).json()
        assert (found["patients"], found["total"]) == ([], 0)


async def test_case_049_a_number_that_another_clinic_uses_is_free_here(house):
    """A conflict on a number would tell that somebody else has such a patient or claim."""
    one, two = house.caller(*EVERYBODY), house.caller(*EVERYBODY)
    patient = PATIENT | {"medical_record_number": "MRN-8", "national_id": "1000000008"}
    bill = CLAIM | {"claim_number": "C-8"}
    for caller in (one, two):
        assert (await caller.send("POST", "/api/v1/patients", patient)).status_code == 201
        assert (await caller.send("POST", "/api/v1/claims/submit", bill)).status_code in {201, 422}
    assert (await one.send("POST", "/api/v1/patients", patient)).status_code == 409


async def test_case_049_counts_and_pages_are_ones_own(house):
    owner, stranger = house.caller(*EVERYBODY), house.caller(*EVERYBODY)
    await owner.send("POST", "/api/v1/patients", PATIENT)
    await owner.send("POST", "/api/v1/claims/submit", CLAIM)
    await owner.send("POST", "/api/v1/message/route", NOTE)
    for path in ("/api/v1/patients", "/api/v1/claims", "/api/v1/messages", "/api/v1/workflows"):
        assert (await owner.send("GET", path)).json()["total"] == 1, path
        assert (await stranger.send("GET", path)).json()["total"] == 0, path


SPOOFS = {
    "X-User-Id": "USR-00000000000000000000000000",
    "X-Organization-Id": "ORG-00000000000000000000000000",
    "X-Tenant-Id": "other",
    "X-Forwarded-User": "admin",
    "X-Remote-User": "admin",
    "From": "admin@clinic.example",
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;by=1",
    "X-Original-URL": "/health",
    "X-Roles": "admin",
}


async def test_case_165_the_audit_names_the_token_and_not_what_a_header_says(house):
    caller, mark = house.caller("nurse"), house.caller("admin")
    home = caller.principal.organization_id
    doctor = house.caller("doctor", home=home)
    key = (await doctor.send("POST", "/api/v1/patients", PATIENT)).json()["patient_id"]
    spoofs = SPOOFS | {
        "X-User-Id": str(mark.principal.user_id),
        "X-Organization-Id": str(mark.principal.organization_id),
    }
    assert (await caller.send("GET", f"/api/v1/patients/{key}", **spoofs)).status_code == 200
    assert (await caller.send("POST", "/api/v1/patients", PATIENT, **spoofs)).status_code == 403
    connection = await asyncpg.connect(house.running.services.settings.database.owner_url.reveal())
    try:
        rows = await connection.fetch(
            "SELECT a::text AS said, organization_id, actor_id FROM masterlinc.audit_event a"
            " WHERE actor_id = ANY ($1) OR organization_id = $2",
            [caller.principal.user_id, mark.principal.user_id],
            home,
        )
    finally:
        await connection.close()
    assert caller.principal.user_id in {row["actor_id"] for row in rows}
    assert {row["organization_id"] for row in rows} == {home}
    assert {row["actor_id"] for row in rows} <= {caller.principal.user_id, doctor.principal.user_id}
    assert not any("203.0.113.9" in row["said"] for row in rows)


async def test_case_052_sides_of_a_claim_do_not_do_each_others_work(house):
    parties = house.parties
    provider = house.caller("billing", home=parties.provider_id)
    payer = house.caller("adjudicator", "payer_admin", home=parties.payer_id)
    assert (await payer.send("POST", "/api/v1/claims/submit", CLAIM)).status_code == 403
    assert (await payer.send("POST", "/api/v1/patients", PATIENT)).status_code == 403
    inner = [name for name, (_, task) in house.running.services.registry.tasks.items() if not task.permission]
    assert "claimlinc.decide_submission" in inner, inner
    for task in inner:
        for caller in (provider, payer):
            answer = await caller.send("POST", "/execute", {"task": task, "input": {}})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown-task"), task
