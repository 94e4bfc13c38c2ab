"""Workflows: found, told, and managed; every state against every action."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from route_steps import step

from masterlinc.ids import new_id, parse, show
from masterlinc.plans import starting
from masterlinc.plans.plan import Plan, PlanStep

NOBODY = "nobody"  # an agent that no process serves: what is its own stays as a test leaves it


@pytest_asyncio.fixture(loop_scope="session")
async def still(running):
    """Make workflows that no process takes."""

    async def make(caller, status="running", *, title="still", signal="go", **columns):
        steps = (
            PlanStep(name="first", task="masterlinc.echo", agent=NOBODY, input={"message": 1}),
            PlanStep(name="ok", task=signal, kind="signal", agent=NOBODY, depends_on=(1,)),
        )
        who = caller.principal
        actor = starting.Actor(who.user_id, who.kind, who.organization_id, (who.organization_id,), ())
        how = starting.Start(str(new_id()), who.organization_id, actor=actor, title=title)
        async with running.services.db.transaction(who.organizations) as transaction:
            made = await starting.start(running.services, transaction, Plan("masterlinc.graph", 1, NOBODY, steps), how)
        await caller.force(show("WFL", made), status=status, **columns)
        return show("WFL", made)

    return make


BODIES = {
    "retry": None,
    "cancel": {"reason": "not needed"},
    "signal": {"name": "go", "payload": {"yes": True}},
    "fork": {"from_step": "first"},
}
# What each state lets happen; everything else is 409.
MAY = {
    "running": {"cancel", "signal", "fork"},
    "waiting": {"cancel", "signal", "fork"},
    "undoing": {"fork"},
    "done": {"fork"},
    "failed": {"retry", "fork"},
    "cancelled": {"fork"},
    "parked": {"retry", "cancel", "fork"},
}


@pytest.mark.parametrize("action", BODIES)
@pytest.mark.parametrize("status", MAY)
async def test_every_state_takes_what_fits_it_and_refuses_the_rest(caller, still, status, action):
    doctor = caller("doctor")
    undoing = {"stopping": "cancelled"} if status == "undoing" else {}
    workflow = await still(doctor, status, **undoing)
    answer = await doctor.post(f"/api/v1/workflows/{workflow}/{action}", BODIES[action])
    if action in MAY[status]:
        assert answer.status_code == (201 if action == "fork" else 200), answer.text
        assert len(await doctor.audited(f"workflow.{action}")) == 1
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "workflow-state")
        assert answer.json()["detail_ar"]
        assert await doctor.audited(f"workflow.{action}") == []


@pytest.mark.parametrize(
    ("status", "columns", "word"),
    [
        ("running", {}, "running"),
        ("undoing", {"stopping": "failed"}, "running"),
        ("waiting", {}, "waiting"),
        ("done", {}, "completed"),
        ("failed", {}, "failed"),
        ("cancelled", {}, "cancelled"),
        ("parked", {}, "parked"),
    ],
)
async def test_states_have_words_that_stay(caller, still, status, columns, word):
    doctor = caller("doctor")
    workflow = await still(doctor, status, **columns)
    assert (await doctor.get(f"/api/v1/workflows/{workflow}")).json()["status"] == word
    found = (await doctor.get("/api/v1/workflows", status=word)).json()["workflows"]
    assert [one["workflow_id"] for one in found] == [workflow]
    assert (await doctor.get("/api/v1/workflows", status="compensated")).json()["total"] == 0


async def test_actions_on_what_is_not_there_are_404_and_on_what_was_cleared_410(caller, still):
    doctor, other = caller("doctor"), caller("admin")
    workflow = await still(doctor)
    for action, body in BODIES.items():
        assert (await other.post(f"/api/v1/workflows/{workflow}/{action}", body)).status_code == 404
        assert (await doctor.post(f"/api/v1/workflows/WFL-1/{action}", body)).status_code == 404
    assert (await other.get(f"/api/v1/workflows/{workflow}")).status_code == 404
    assert (await other.get(f"/api/v1/workflows/{workflow}/timeline")).status_code == 404
    now = datetime.now(UTC)
    await doctor.force(workflow, status="done", finished_at=now, forgotten_at=now)
    for action, body in BODIES.items():
        assert (await doctor.post(f"/api/v1/workflows/{workflow}/{action}", body)).status_code == 410
    gone = await doctor.get(f"/api/v1/workflows/{workflow}")
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")
    assert (await doctor.get(f"/api/v1/workflows/{workflow}/timeline")).status_code == 410


async def test_the_workflows_of_others_are_managed_by_who_may_manage_all(caller, still):
    doctor = caller("doctor")
    nurse = caller("nurse", organization=doctor.organization)
    admin = caller("admin", organization=doctor.organization)
    auditor = caller("auditor", organization=doctor.organization)
    workflow = await still(doctor)
    for action, body in BODIES.items():
        refused = await nurse.post(f"/api/v1/workflows/{workflow}/{action}", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-the-starter")
        assert (await auditor.post(f"/api/v1/workflows/{workflow}/{action}", body)).json()["code"] == "forbidden"
    assert (await admin.post(f"/api/v1/workflows/{workflow}/cancel", BODIES["cancel"])).status_code == 200


async def test_a_state_that_has_moved_is_not_acted_on(caller, still):
    doctor = caller("doctor")
    workflow = await still(doctor)
    tag = (await doctor.get(f"/api/v1/workflows/{workflow}")).headers["etag"]
    assert (
        await doctor.post(f"/api/v1/workflows/{workflow}/signal", BODIES["signal"], if_match=tag)
    ).status_code == 200
    for action in ("cancel", "fork"):
        late = await doctor.post(f"/api/v1/workflows/{workflow}/{action}", BODIES[action], if_match=tag)
        assert (late.status_code, late.json()["code"]) == (412, "precondition-failed")
    assert (
        await doctor.post(f"/api/v1/workflows/{workflow}/cancel", BODIES["cancel"], if_match="*")
    ).status_code == 200


@pytest.mark.parametrize(
    ("action", "body", "path"),
    [
        ("cancel", {}, "reason"),
        ("cancel", {"reason": ""}, "reason"),
        ("signal", {}, "name"),
        ("signal", {"name": "no such"}, "name"),
        ("signal", {"name": "other"}, "name"),
        ("signal", {"name": "go", "more": 1}, "more"),
        ("fork", {}, "from_step"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_path(caller, still, action, body, path):
    doctor = caller("doctor")
    answer = await doctor.post(f"/api/v1/workflows/{await still(doctor)}/{action}", body)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])


async def test_a_fork_from_a_step_that_is_none_is_404(caller, still):
    doctor = caller("doctor")
    answer = await doctor.post(f"/api/v1/workflows/{await still(doctor)}/fork", {"from_step": "nowhere"})
    assert answer.status_code == 404


async def test_a_key_acts_once(caller, still):
    doctor = caller("doctor")
    path = f"/api/v1/workflows/{await still(doctor)}/cancel"
    first = await doctor.post(path, BODIES["cancel"], idempotency_key="k")
    again = await doctor.post(path, BODIES["cancel"], idempotency_key="k")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await doctor.post(path, BODIES["cancel"])).status_code == 409


async def test_a_failed_workflow_goes_on_where_it_stopped(caller):
    doctor = caller("doctor")
    body = (
        await doctor.run(step("a"), step("b", "a", input_data={"message": "${a.message.x}"}), step("c", "b"))
    ).json()
    workflow = body["workflow_id"]
    assert body["status"] == "failed"
    retried = await doctor.post(f"/api/v1/workflows/{workflow}/retry")
    assert retried.status_code == 200
    done = await doctor.ended(workflow)
    assert done["status"] == "failed"
    assert done["steps"][0]["completed_at"] == body["steps"][0]["completed_at"]
    kinds = [entry["kind"] for entry in (await doctor.get(f"/api/v1/workflows/{workflow}/timeline")).json()["entries"]]
    assert "retried" in kinds


async def test_a_fork_runs_anew_from_a_step_with_the_earlier_results(caller):
    doctor = caller("doctor")
    first = (await doctor.run(step("a"), step("b", "a", input_data={"message": "after ${a.message}"}))).json()
    answer = await doctor.post(f"/api/v1/workflows/{first['workflow_id']}/fork", {"from_step": "b", "key": "again"})
    assert answer.status_code == 201
    fork = answer.json()
    assert (fork["forked_from"], fork["key"]) == (first["workflow_id"], "again")
    done = await doctor.ended(fork["workflow_id"])
    assert (done["status"], done["results"]) == ("completed", first["results"])
    assert done["steps"][0]["completed_at"] == first["steps"][0]["completed_at"]
    assert done["steps"][1]["completed_at"] > first["steps"][1]["completed_at"]
    again = await doctor.post(f"/api/v1/workflows/{first['workflow_id']}/fork", {"from_step": "b", "key": "again"})
    assert (again.status_code, again.json()["workflow_id"]) == (200, fork["workflow_id"])


async def test_what_somebody_else_ran_is_forked_only_with_the_rights_of_its_tasks(caller):
    doctor = caller("doctor")
    find = step("find", agent_id="doctorlinc", action="find_patient", input_data={"reference": "MRN-x"})
    workflow = (await doctor.run(find)).json()["workflow_id"]
    manager = caller(organization=doctor.organization)
    manager.principal = caller("auditor", organization=doctor.organization).principal
    assert (await manager.post(f"/api/v1/workflows/{workflow}/fork", {"from_step": "find"})).status_code == 403
    admin = caller("admin", organization=doctor.organization)
    assert (await admin.post(f"/api/v1/workflows/{workflow}/fork", {"from_step": "find"})).status_code == 201


async def test_a_fork_needs_the_rights_of_what_would_take_its_steps_back_too(caller):
    doctor = caller("doctor")
    back = {"agent_id": "doctorlinc", "action": "find_patient", "input_data": {"reference": "MRN-x"}}
    workflow = (await doctor.run(step("say", compensation=back))).json()["workflow_id"]
    rights = frozenset({"workflow:read", "workflow:execute", "workflow:manage", "task:execute"})
    manager = caller(organization=doctor.organization, permissions=rights)
    refused = await manager.post(f"/api/v1/workflows/{workflow}/fork", {"from_step": "say"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_an_agents_own_workflow_is_not_forked(caller, running):
    admin = caller("admin")
    plan = running.services.registry.plans["claimlinc.claim"]
    async with running.services.db.transaction(admin.principal.organizations) as transaction:
        how = starting.Start(str(new_id()), admin.organization)
        own = await starting.start(running.services, transaction, msgspec.structs.replace(plan, agent=NOBODY), how)
    refused = await admin.post(f"/api/v1/workflows/{show('WFL', own)}/fork", {"from_step": plan.steps[0].name})
    assert (refused.status_code, refused.json()["code"]) == (409, "not-a-users-workflow")


async def test_the_timeline_tells_what_happened_in_order(caller):
    doctor = caller("doctor")
    wait = step("ok", "a", action="signal", input_data={"name": "go"}, timeout=600)
    workflow = (await doctor.run(step("a"), wait, step("b", "ok"), wait_seconds=0)).json()["workflow_id"]
    await doctor.post(f"/api/v1/workflows/{workflow}/signal", {"name": "go"})
    await doctor.ended(workflow)
    told = (await doctor.get(f"/api/v1/workflows/{workflow}/timeline")).json()
    assert (told["workflow_id"], told["status"]) == (workflow, "completed")
    assert [entry["at"] for entry in told["entries"]] == sorted(entry["at"] for entry in told["entries"])
    kinds = [(entry["kind"], entry["step_id"]) for entry in told["entries"]]
    assert kinds[0] == ("started", None)
    assert {("step_completed", "a"), ("step_completed", "ok"), ("step_completed", "b"), ("signalled", None)} <= set(
        kinds
    )
    me = show("USR", doctor.principal.user_id)
    assert {entry["by"] for entry in told["entries"] if entry["kind"] in {"started", "signalled"}} == {me}


async def test_lists_are_filtered_and_paged(caller, still):
    doctor = caller("doctor")
    other = caller("nurse", organization=doctor.organization)
    first = await still(doctor, title="one")
    second = await still(other, title="two")
    keyed = (await doctor.run(step("a"), key="visit 7", workflow_name="keyed")).json()["workflow_id"]

    async def ids(**wanted):
        page = (await doctor.get("/api/v1/workflows", **wanted)).json()
        assert page["total"] == len(page["workflows"])
        return [one["workflow_id"] for one in page["workflows"]]

    assert await ids() == [keyed, second, first]
    assert await ids(name="one") == [first]
    assert await ids(name="masterlinc.graph") == [keyed, second, first]
    assert await ids(agent=NOBODY) == [second, first]
    assert await ids(agent="masterlinc") == [keyed]
    assert await ids(started_by=show("USR", other.principal.user_id)) == [second]
    assert await ids(key="visit 7") == [keyed]
    assert await ids(status="completed") == [keyed]
    now = datetime.now(UTC)
    assert await ids(created_from=(now - timedelta(minutes=5)).isoformat()) == [keyed, second, first]
    assert await ids(created_to=(now - timedelta(minutes=5)).isoformat()) == []
    assert await ids(created_from=(now + timedelta(minutes=5)).isoformat()) == []
    page = (await doctor.get("/api/v1/workflows", page=2, page_size=2)).json()
    assert ([one["workflow_id"] for one in page["workflows"]], page["total"], page["page"]) == ([first], 3, 2)
    assert (await caller("doctor").get("/api/v1/workflows")).json()["workflows"] == []


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"status": "lost"}, "status"),
        ({"created_from": "yesterday"}, "created_from"),
        ({"created_to": "2026-01-01T00:00:00"}, "created_to"),
        ({"started_by": "me"}, "started_by"),
        ({"page": 0}, "page"),
        ({"page_size": 101}, "page_size"),
        ({"stuck": "maybe"}, "stuck"),
    ],
)
async def test_a_wrong_filter_is_told(caller, wanted, path):
    answer = await caller("doctor").get("/api/v1/workflows", **wanted)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "30.5", "1e9"])
async def test_a_caller_is_kept_waiting_for_a_while_only(caller, still, seconds):
    doctor = caller("doctor")
    answer = await doctor.get(f"/api/v1/workflows/{await still(doctor)}", wait_seconds=seconds)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, ["wait_seconds"])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
async def test_a_time_before_all_workflows_is_the_beginning(caller, still, moment):
    doctor = caller("doctor")
    workflow = await still(doctor)
    after = (await doctor.get("/api/v1/workflows", created_from=moment)).json()["workflows"]
    assert [one["workflow_id"] for one in after] == [workflow]
    assert (await doctor.get("/api/v1/workflows", created_to=moment)).json()["workflows"] == []


async def test_what_does_not_go_on_by_itself_is_stuck_and_says_since_when(caller, still):
    doctor = caller("doctor")
    now = datetime.now(UTC)
    old = now - timedelta(days=2)
    later = now + timedelta(days=1)
    parked = await still(doctor, "parked", changed_at=old)
    not_taken = await still(doctor, "running", wake_at=old)
    hung = await still(doctor, "running", lease_owner=new_id(), changed_at=old)
    silent = await still(doctor, "waiting", wake_at=datetime.max.replace(tzinfo=UTC), changed_at=old)
    fine = [
        await still(doctor, "running"),
        await still(doctor, "waiting", wake_at=later, changed_at=old),
        await still(doctor, "running", lease_owner=new_id()),
        await still(doctor, "done", changed_at=old),
        await still(doctor, "failed", changed_at=old),
    ]
    async with doctor.running.services.db.transaction(doctor.principal.organizations) as transaction:
        forever = "UPDATE masterlinc.workflow SET wake_at = 'infinity' WHERE id = $1"
        await transaction.execute(forever, parse("WFL", silent))
    found = (await doctor.get("/api/v1/workflows", stuck="true")).json()["workflows"]
    assert {one["workflow_id"]: one["stuck"] for one in found} == {
        parked: "parked",
        not_taken: "not_taken",
        hung: "no_progress",
        silent: "never_signalled",
    }
    assert {one["stuck_since"][:10] for one in found} == {f"{old:%Y-%m-%d}"}
    everything = (await doctor.get("/api/v1/workflows")).json()["workflows"]
    assert {one["workflow_id"] for one in everything if one["stuck"] is None} == set(fine)


async def test_an_agents_own_workflow_is_shown_without_what_its_steps_handed_on(caller):
    billing = caller("billing")
    claim = {"patient_id": "MRN-1", "service_code": "83600-00-10", "amount": 250, "provider_id": "N-F-1"}
    sent = await billing.post("/api/v1/claims/submit", claim)
    assert sent.status_code == 201, sent.text
    (one,) = (await billing.get("/api/v1/workflows", name="claimlinc.claim")).json()["workflows"]
    seen = (await billing.get(f"/api/v1/workflows/{one['workflow_id']}")).json()
    assert seen["results"] == {}
    assert "normalized" in {step["step_id"] for step in seen["steps"]}
