"""Handing work over: to whom, why, and what becomes of it."""

import pytest

from masterlinc.testing import bearer, client_of

DELEGATE = "/api/v1/delegate"
FIRST_SYSTEM = {"task_id", "assigned_agent", "status", "message", "message_ar"}


async def test_the_first_systems_request_is_taken_and_its_answer_has_its_fields(caller):
    body = {
        "task_description": "Check whether the policy covers this service",
        "task_description_ar": "التحقق من تغطية الوثيقة للخدمة",
        "context": {"policy_number": "P101-B"},
        "preferred_agent": None,
        "priority": 3,
        "timeout": 300,
    }
    admin = caller("admin")
    answer = await admin.post(DELEGATE, body)
    assert answer.status_code == 201, answer.text
    given = answer.json()
    assert set(given) >= FIRST_SYSTEM
    assert (given["assigned_agent"], given["status"]) == ("policylinc", "delegated")
    assert "policylinc" in given["message"]
    assert "policylinc" in given["message_ar"]
    assert {one["agent_id"] for one in given["explanation"]} >= {"masterlinc", "claimlinc", "policylinc", "sbslinc"}
    assert [one["agent_id"] for one in given["explanation"] if one["chosen"]] == ["policylinc"]
    assert all(one["reason"] and one["reason_ar"] for one in given["explanation"])
    kept = (await admin.get(given["status_url"])).json()
    assert (kept["message_id"], kept["receiver_id"], kept["priority"]) == (given["task_id"], "policylinc", 3)
    assert kept["content"]["context"] == {"policy_number": "P101-B"}


@pytest.mark.parametrize(
    ("description", "agent"),
    [
        ("Find the record of a patient", "doctorlinc"),
        ("البحث عن مريض", "doctorlinc"),
        ("Normalise the codes of a claim", "sbslinc"),
        ("Sign this document", "sbslinc"),
        ("Who is this organization, by licence?", "authlinc"),
    ],
)
async def test_words_in_either_language_find_the_agent(caller, description, agent):
    given = (await caller("admin").post(DELEGATE, {"task_description": description})).json()
    assert given["assigned_agent"] == agent, given["explanation"]


async def test_a_task_with_its_input_runs_durably(caller):
    doctor = caller("doctor")
    body = {
        "task_description": "say it",
        "task": "masterlinc.echo",
        "input": {"message": "${x}"},
        "timeout": 60,
        "priority": 9,
    }
    given = (await doctor.post(DELEGATE, body)).json()
    assert (given["assigned_agent"], given["status_url"]) == ("masterlinc", f"/api/v1/workflows/{given['task_id']}")
    done = await doctor.ended(given["task_id"])
    assert (done["status"], done["priority"], done["results"]) == ("completed", 9, {"echo": {"message": "${x}"}})


async def test_a_capability_names_the_agents_that_come_into_question(caller):
    given = (await caller("admin").post(DELEGATE, {"task_description": "x", "capability": "coverage"})).json()
    assert given["assigned_agent"] == "policylinc"
    reasons = {one["agent_id"]: one["reason"] for one in given["explanation"]}
    assert reasons["sbslinc"] == "it does not offer coverage"
    wrong = await caller("admin").post(DELEGATE, {"task_description": "x", "capability": "flying"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "capability")
    assert "coverage" in wrong.json()["detail"]


async def test_a_preferred_agent_is_taken_or_told_why_not(caller):
    admin = caller("admin")
    body = {"task_description": "Check the policy", "preferred_agent": "sbslinc"}
    assert (await admin.post(DELEGATE, body)).json()["assigned_agent"] == "sbslinc"
    given = (await admin.post(DELEGATE, body | {"capability": "coverage"})).json()
    assert given["assigned_agent"] == "policylinc"
    assert {one["agent_id"]: one["reason"] for one in given["explanation"]}["sbslinc"] == "it does not offer coverage"
    missing = await admin.post(DELEGATE, {"task_description": "x", "preferred_agent": "nobody"})
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no agent nobody")


async def test_where_nobody_that_fits_is_online_it_is_503_with_the_reasons(run_app, make_principal):
    def only_authlinc(settings):
        settings.process.agents = ["authlinc"]

    running = await run_app(configure=only_authlinc)
    async with client_of(running) as http:
        body = {"task_description": "x", "capability": "coverage"}
        answer = await http.post(DELEGATE, json=body, headers=bearer(running, make_principal("admin")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    reasons = {one["agent_id"]: one["reason"] for one in answer.json()["explanation"]}
    assert reasons["policylinc"] == "no process that lives serves it"


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"task_description": ""}, 422, "task_description"),
        ({"priority": 11}, 422, "priority"),
        ({"timeout": 0}, 422, "timeout"),
        ({"input": {}}, 422, "input"),
        ({"task": "nobody.nothing"}, 400, "task"),
        ({"task": "masterlinc.echo", "input": {}}, 422, "message"),
        ({"wrong": 1}, 422, "wrong"),
    ],
)
async def test_what_is_wrong_is_refused_with_its_path(caller, changes, status, path):
    answer = await caller("admin").post(DELEGATE, {"task_description": "x"} | changes)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (status, [path])


async def test_the_rights_of_the_task_hold(caller):
    body = {"task_description": "x", "task": "claimlinc.validate", "input": {"claim": {}}}
    assert (await caller("nurse").post(DELEGATE, body)).status_code == 403
    assert (await caller("researcher").post(DELEGATE, {"task_description": "x"})).status_code == 403


async def test_a_key_delegates_once(caller):
    admin = caller("admin")
    first = await admin.post(DELEGATE, {"task_description": "policy"}, idempotency_key="k")
    again = await admin.post(DELEGATE, {"task_description": "policy"}, idempotency_key="k")
    assert again.content == first.content
    assert (await admin.get("/api/v1/messages")).json()["total"] == 1
