"""Running a task: at once, or durably, and once for a key."""

import pytest

ECHO = {"task": "masterlinc.echo", "input": {"message": {"amount": 1.5}}}


async def test_a_task_runs_at_once(caller):
    answer = await caller("nurse").post("/execute", ECHO)
    assert answer.status_code == 200
    assert answer.json() == {"status": "completed", "task": "masterlinc.echo", "result": {"message": {"amount": 1.5}}}


async def test_type_is_taken_for_task(caller):
    answer = await caller("nurse").post("/execute", {"type": "masterlinc.echo", "input": {"message": 1}})
    assert answer.json()["result"] == {"message": 1}


async def test_a_task_of_an_agent_runs_with_the_callers_rights(caller):
    task = {"task": "claimlinc.validate", "input": {"claim": {"patient_id": "MRN-1", "amount": 1}}}
    assert (await caller("billing").post("/execute", task)).json()["status"] == "completed"
    assert (await caller("nurse").post("/execute", task)).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"task": "nobody.nothing"}, 400, "task"),
        ({"task": "claimlinc.normalize"}, 400, "task"),
        ({}, 400, "task"),
        (ECHO | {"wrong": 1}, 422, "wrong"),
        (ECHO | {"mode": "later"}, 422, "mode"),
        (ECHO | {"priority": 11}, 422, "priority"),
        (ECHO | {"timeout": 0}, 422, "timeout"),
        ({"task": "masterlinc.echo", "input": {}}, 422, "message"),
        ({"task": "masterlinc.echo", "input": [1]}, 422, ""),
        ({"task": "masterlinc.echo", "input": None}, 422, "message"),
    ],
)
async def test_what_cannot_run_is_refused_with_its_path(caller, body, status, path):
    answer = await caller("admin").post("/execute", body)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (status, [path])


async def test_a_durable_task_is_accepted_and_its_result_read_by_its_link(caller):
    doctor = caller("doctor")
    answer = await doctor.post("/execute", ECHO | {"mode": "async", "priority": 2, "timeout": 60})
    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["location"] == accepted["status_url"] == f"/api/v1/workflows/{accepted['workflow_id']}"
    assert (accepted["status"], accepted["task"]) == ("running", "masterlinc.echo")
    done = await doctor.ended(accepted["workflow_id"])
    assert (done["status"], done["priority"], done["results"]) == (
        "completed",
        2,
        {"echo": {"message": {"amount": 1.5}}},
    )
    assert done["timeout_at"] is not None
    assert [row["actor_id"] for row in await doctor.audited("workflow.start")] == [doctor.principal.user_id]


async def test_what_looks_like_a_reference_is_text_here(caller):
    doctor = caller("doctor")
    given = {"task": "masterlinc.echo", "input": {"message": "${context.x} $${y}"}}
    accepted = (await doctor.post("/execute", given | {"mode": "async"})).json()
    assert (await doctor.ended(accepted["workflow_id"]))["results"] == {"echo": {"message": "${context.x} $${y}"}}
    assert (await doctor.post("/execute", given)).json()["result"]["message"] == "${context.x} $${y}"


async def test_a_durable_task_is_checked_before_it_is_accepted(caller):
    doctor = caller("doctor")
    wrong = await doctor.post("/execute", {"task": "masterlinc.echo", "input": {}, "mode": "async"})
    assert wrong.status_code == 422
    task = {"task": "document.sign", "input": {}, "mode": "async"}
    assert (await doctor.post("/execute", task)).status_code == 400
    assert await doctor.audited("workflow.start") == []


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_a_key_has_one_effect_and_one_answer(caller, mode):
    doctor = caller("doctor")
    first = await doctor.post("/execute", ECHO | {"mode": mode}, idempotency_key="k")
    again = await doctor.post("/execute", ECHO | {"mode": mode}, idempotency_key="k")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers.get("location") == first.headers.get("location")
    assert len(await doctor.audited("workflow.start")) == (mode == "async")
    other = await doctor.post("/execute", ECHO | {"mode": mode, "timeout": 9}, idempotency_key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_task_that_works_outside_takes_a_key_in_mode_async_only(caller):
    doctor = caller("doctor")
    wait = {"task": "masterlinc.wait", "input": {"seconds": 0}}
    refused = await doctor.post("/execute", wait, idempotency_key="k")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "needs-async")
    accepted = await doctor.post("/execute", wait | {"mode": "async"}, idempotency_key="k")
    assert (await doctor.ended(accepted.json()["workflow_id"]))["status"] == "completed"


async def test_a_task_that_runs_at_once_is_cut_when_its_time_is_over(caller):
    doctor = caller("doctor")
    wait = {"task": "masterlinc.wait", "input": {"seconds": 29}}
    slow = await doctor.post("/execute", wait | {"timeout": 0.05})
    assert (slow.status_code, slow.json()["code"]) == (504, "too-slow")
    assert slow.json()["detail_ar"] == "لم يكتمل التنفيذ في الوقت المحدد"
    wait["input"]["seconds"] = 0
    assert (await doctor.post("/execute", wait | {"timeout": 29})).json()["status"] == "completed"


async def test_what_runs_at_once_has_no_priority(caller):
    doctor = caller("doctor")
    refused = await doctor.post("/execute", ECHO | {"priority": 1})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "needs-async")
    accepted = await doctor.post("/execute", ECHO | {"mode": "async"})
    assert (await doctor.ended(accepted.json()["workflow_id"]))["priority"] == 5


async def test_execute_needs_its_permission(caller):
    assert (await caller("researcher").post("/execute", ECHO)).status_code == 403
