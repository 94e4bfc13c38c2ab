"""Graphs of users, run for real."""

import asyncio
import json

import pytest
from route_steps import step

from masterlinc.ids import parse

EXECUTE = "/api/v1/workflow/execute"
PATIENCE = 10


async def test_the_first_systems_fields_are_taken_and_its_answer_has_its_fields(caller):
    doctor = caller("doctor")
    body = {
        "workflow_name": "visit",
        "workflow_description": "From the visit to the money",
        "steps": [
            {
                "step_id": "greet",
                "agent_id": "masterlinc",
                "action": "echo",
                "input_data": {"message": "${context.name}"},
                "depends_on": [],
                "timeout": 30,
            },
            {
                "step_id": "again",
                "agent_id": "masterlinc",
                "action": "masterlinc.echo",
                "input_data": {"message": {"said": "<${greet.message}>", "list": ["${greet}"]}},
                "depends_on": ["greet"],
                "timeout": 30,
            },
        ],
        "execution_mode": "sequential",
        "context": {"name": "هدى", "amount": 1.10},
    }
    answer = await doctor.post(EXECUTE, body)
    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert (done["status"], done["steps_completed"], done["steps_total"]) == ("completed", 2, 2)
    assert done["results"] == {
        "greet": {"message": "هدى"},
        "again": {"message": {"said": "<هدى>", "list": [{"message": "هدى"}]}},
    }
    assert done["workflow_id"].startswith("WFL-")
    assert done["workflow_name"] == "visit"
    assert done["started_at"] <= done["completed_at"]
    same = await doctor.get(f"/api/v1/workflows/{done['workflow_id']}")
    assert same.json() == done
    assert [one["status"] for one in done["steps"]] == ["completed", "completed"]
    assert done["steps"][1]["depends_on"] == ["greet"]


async def test_numbers_pass_from_step_to_step_as_they_were_written(caller):
    doctor = caller("doctor")
    first = step("a", input_data={"message": "${context.amount}"})
    body = {"workflow_name": "exact", "execution_mode": "mixed", "context": {"amount": 0}, "steps": [first]}
    body["steps"].append(step("b", "a", input_data={"message": ["${a.message}", "SAR ${a.message}"]}))
    text = json.dumps(body).replace('"amount": 0', '"amount": 9007199254740993.10')
    headers = {"authorization": f"Bearer {doctor.running.token(doctor.principal)}", "content-type": "application/json"}
    answer = await doctor.http.post(EXECUTE, content=text, headers=headers)
    assert '"b":{"message":[9007199254740993.10,"SAR 9007199254740993.10"]}' in answer.text


@pytest.mark.parametrize("mode", ["sequential", "parallel", "mixed"])
async def test_every_mode_runs_every_step(caller, mode):
    done = (await caller("nurse").run(*(step(name) for name in "abcdef"), execution_mode=mode)).json()
    assert (done["status"], sorted(done["results"])) == ("completed", [*"abcdef"])


@pytest.mark.parametrize(
    ("mode", "after", "waiting"),
    [("sequential", (), {"a"}), ("parallel", (), {"a", "b", "c"}), ("mixed", ("a",), {"a", "c"})],
)
async def test_a_mode_says_which_steps_begin(caller, mode, after, waiting):
    """Each step waits for an hour: those that wait have begun, and the others have not."""
    nurse, hour = caller("nurse"), {"action": "wait", "input_data": {"seconds": 3600}}
    steps = step("a", **hour), step("b", *after, **hour), step("c", **hour)
    workflow = (await nurse.run(*steps, execution_mode=mode, wait_seconds=0)).json()["workflow_id"]
    seen = await rests(nurse, workflow)
    states = {one["step_id"]: one["status"] for one in seen["steps"]}
    assert states == {name: "waiting" if name in waiting else "pending" for name in "abc"}
    assert (await nurse.post(f"/api/v1/workflows/{workflow}/cancel", {"reason": "test"})).status_code == 200


async def rests(caller, workflow: str):
    """Return a workflow once all that can begin has begun, and waits."""
    async with asyncio.timeout(PATIENCE):
        while (seen := (await caller.get(f"/api/v1/workflows/{workflow}")).json())["status"] != "waiting":
            await asyncio.sleep(0.01)
    return seen


async def test_a_graph_runs_in_its_order(caller):
    steps = [step("d", "b", "c"), step("b", "a"), step("c", "a"), step("a")]
    done = (await caller("nurse").run(*steps)).json()
    ends = {one["step_id"]: one["completed_at"] for one in done["steps"]}
    assert done["status"] == "completed"
    assert ends["a"] <= min(ends["b"], ends["c"]) <= max(ends["b"], ends["c"]) <= ends["d"]


async def test_tasks_of_agents_run_and_hand_on_what_they_answer(caller):
    doctor = caller("doctor")
    form = {"name": "Huda Majid", "date_of_birth": "1990-01-02", "gender": "female", "medical_record_number": "MRN-9"}
    assert (await doctor.post("/api/v1/patients", form)).status_code == 201
    find = step("find", agent_id="doctorlinc", action="find_patient", input_data={"reference": "MRN-9"})
    done = (await doctor.run(find, step("tell", "find", input_data={"message": "for ${find.name}"}))).json()
    assert done["results"]["find"]["name"] == "Huda Majid"
    assert done["results"]["tell"] == {"message": "for Huda Majid"}


async def test_all_faults_are_told_before_anything_runs(caller):
    doctor = caller("doctor")
    answer = await doctor.run(step("a", "a"), step("b", "nobody"), step("c", input_data={"message": "${x.y}"}))
    assert (answer.status_code, answer.json()["code"]) == (422, "workflow-invalid")
    assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [
        ("steps[0].depends_on[0]", "self"),
        ("steps[1].depends_on[0]", "unknown-step"),
        ("steps[2].input_data.message", "unknown-step"),
    ]
    circle = await doctor.run(step("a", "b"), step("b", "a"))
    assert circle.json()["errors"][0]["code"] == "cycle"
    assert (await doctor.get("/api/v1/workflows")).json()["total"] == 0


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"agent_id": "nobody"}, 400, "unknown-agent"),
        ({"action": "nothing"}, 422, "workflow-invalid"),
        ({"agent_id": "claimlinc", "action": "normalize"}, 422, "workflow-invalid"),
        ({"agent_id": "claimlinc", "action": "validate", "input_data": {"claim": {}}}, 403, "task-forbidden"),
        ({"input_data": {}}, 422, "workflow-invalid"),
        ({"wrong": 1}, 422, "invalid"),
        ({"timeout": -1}, 422, "invalid"),
        ({"step_id": "a b"}, 422, "invalid"),
    ],
)
async def test_a_step_that_could_not_run_is_refused(caller, changes, status, code):
    answer = await caller("nurse").run(step("a") | changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail_ar"]


async def test_a_disabled_agent_is_refused(run_app, make_principal):
    from masterlinc.testing import bearer, client_of

    running = await run_app(doctorlinc={"enabled": False})
    async with client_of(running) as http:
        body = {"workflow_name": "w", "steps": [step("a", agent_id="doctorlinc", action="find_patient")]}
        answer = await http.post(EXECUTE, json=body, headers=bearer(running, make_principal("admin")))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "agent-disabled")


async def test_a_reference_that_leads_nowhere_at_run_time_fails_the_workflow_at_once(caller):
    doctor = caller("doctor")
    done = (
        await doctor.run(step("a"), step("b", "a", input_data={"message": "${a.message.x}"}), step("c", "b"))
    ).json()
    assert done["status"] == "failed"
    steps = {one["step_id"]: one for one in done["steps"]}
    assert (steps["b"]["status"], steps["b"]["attempts"], steps["c"]["status"]) == ("failed", 1, "skipped")
    assert "a.message.x" in steps["b"]["problem"]["detail"]


async def test_what_an_agent_refuses_is_told_to_the_starter_in_both_languages(caller):
    admin = caller("admin")
    wrong = step("a", agent_id="claimlinc", action="validate", input_data={"claim": "${b.message}"}) | {
        "depends_on": ["b"]
    }
    done = (await admin.run(step("b", input_data={"message": "no claim"}), wrong)).json()
    failed = next(one for one in done["steps"] if one["step_id"] == "a")
    assert (done["status"], failed["status"], failed["problem"]["code"]) == ("failed", "failed", "invalid")
    assert failed["problem"]["detail"] == "claim: Expected an object, not a text"
    assert failed["problem"]["detail_ar"] == "claim: المتوقع كائن وليس نص"
    assert [error["path"] for error in failed["problem"]["errors"]] == ["claim"]


async def test_what_was_done_is_taken_back_when_a_later_step_fails(caller):
    undo = {"action": "echo", "input_data": {"message": "undo ${a.message}"}}
    done = (
        await caller("doctor").run(
            step("a") | {"compensation": undo}, step("b", "a", input_data={"message": "${a.message.x}"})
        )
    ).json()
    assert done["status"] == "compensated"
    assert {one["step_id"]: one["status"] for one in done["steps"]} == {"a": "compensated", "b": "failed"}


async def test_a_workflow_waits_for_a_signal_and_goes_on_with_its_payload(caller):
    doctor = caller("doctor")
    signal = step("ok", action="signal", input_data={"name": "approved"}, timeout=600)
    answer = await doctor.run(signal, step("b", "ok", input_data={"message": "${ok.by}"}), wait_seconds=0)
    workflow = answer.json()["workflow_id"]
    assert answer.json()["status"] in {"running", "waiting"}
    sent = await doctor.post(f"/api/v1/workflows/{workflow}/signal", {"name": "approved", "payload": {"by": "Huda"}})
    assert sent.status_code == 200, sent.text
    assert (await doctor.ended(workflow))["results"] == {"ok": {"by": "Huda"}, "b": {"message": "Huda"}}


async def test_a_signal_that_never_comes_fails_its_step(caller):
    signal = step("ok", action="signal", input_data={"name": "approved"}, timeout=0.2)
    done = (await caller("doctor").run(signal, wait_seconds=20)).json()
    assert (done["status"], done["steps"][0]["status"]) == ("failed", "failed")


async def test_the_answer_waits_no_longer_than_it_is_told_to(caller):
    doctor = caller("doctor")
    wait = step("w", action="wait", input_data={"seconds": 3600})
    answer = await doctor.run(wait, wait_seconds=0.1)
    assert (answer.status_code, answer.json()["status"] in {"running", "waiting"}) == (201, True)
    assert answer.json()["completed_at"] is None
    assert (await doctor.run(wait, wait_seconds=31)).status_code == 422
    cancelled = await doctor.post(f"/api/v1/workflows/{answer.json()['workflow_id']}/cancel", {"reason": "test"})
    assert cancelled.status_code == 200


async def test_a_business_key_starts_once_in_its_organization(caller):
    doctor, other = caller("doctor"), caller("doctor")
    first = await doctor.run(step("a"), key="visit 7")
    again = await doctor.run(step("a"), key="visit 7")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert first.json()["key"] == "visit 7"
    assert (await other.run(step("a"), key="visit 7")).status_code == 201
    assert (await doctor.run(step("a"), key="visit 7", workflow_name="other")).status_code == 201


async def test_of_many_that_send_one_business_key_at_once_one_starts(caller):
    doctor = caller("doctor")
    answers = await asyncio.gather(*(doctor.run(step("a"), key="storm") for _ in range(12)))
    assert {answer.status_code for answer in answers} <= {200, 201, 503}
    assert len([answer for answer in answers if answer.status_code == 201]) == 1
    assert (await doctor.get("/api/v1/workflows")).json()["total"] == 1
    assert len(await doctor.audited("workflow.start")) == 1


async def test_an_idempotency_key_starts_once_and_answers_how_it_stands(caller):
    doctor = caller("doctor")
    body = {"workflow_name": "w", "steps": [step("a")]}
    first = await doctor.post(EXECUTE, body, idempotency_key="k")
    again = await doctor.post(EXECUTE, body, idempotency_key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await doctor.audited("workflow.start")) == 1


async def test_results_are_shown_to_the_starter_and_to_who_may_run_what_made_them(caller):
    doctor = caller("doctor")
    find = step("find", agent_id="doctorlinc", action="find_patient", input_data={"reference": "MRN-none"})
    tell = step("tell", "find", input_data={"message": "${find}"})
    workflow = (await doctor.run(find, tell)).json()["workflow_id"]
    seen = {}
    for role in ("doctor", "nurse", "billing", "auditor"):
        other = caller(role, organization=doctor.organization)
        answer = (await other.get(f"/api/v1/workflows/{workflow}")).json()
        seen[role] = sorted(answer["results"])
        assert [one["result_hidden"] for one in answer["steps"]] == [
            name not in answer["results"] for name in ("find", "tell")
        ]
        assert answer["status"] == "completed"
    assert seen == {"doctor": ["find"], "nurse": ["find"], "billing": [], "auditor": []}


async def test_that_results_were_read_is_audited(caller):
    doctor = caller("doctor")
    workflow = (await doctor.run(step("a"))).json()["workflow_id"]
    auditor = caller("auditor", organization=doctor.organization)
    await auditor.get(f"/api/v1/workflows/{workflow}")
    assert {row["actor_id"] for row in await doctor.audited("workflow.read")} == {doctor.principal.user_id}


async def test_what_steps_are_given_and_answer_is_sealed_in_the_database(caller):
    doctor = caller("doctor")
    workflow = (await doctor.run(step("a", input_data={"message": "Huda Majid"}), context={"x": "Huda Majid"})).json()
    async with doctor.running.services.db.transaction(doctor.principal.organizations) as transaction:
        rows = await transaction.fetch(
            "SELECT input, output FROM masterlinc.step_payload WHERE workflow_id = $1",
            parse("WFL", workflow["workflow_id"]),
        )
    stored = b"".join((row["input"] or b"") + (row["output"] or b"") for row in rows)
    assert stored
    assert b"Huda" not in stored


async def test_running_a_workflow_needs_its_permission(caller):
    assert (await caller("auditor").run(step("a"))).status_code == 403
    assert (await caller("researcher").run(step("a"))).status_code == 403


async def test_a_name_and_a_key_are_told_apart(caller):
    doctor = caller("doctor")
    first = await doctor.run(step("a"), workflow_name="visit/7", key="8")
    other = await doctor.run(step("b"), workflow_name="visit", key="7/8")
    assert (first.status_code, other.status_code) == (201, 201)
    assert [one.json()["key"] for one in (first, other)] == ["8", "7/8"]
    listed = (await doctor.get("/api/v1/workflows", name="visit", key="7/8")).json()["workflows"]
    assert [one["workflow_id"] for one in listed] == [other.json()["workflow_id"]]
