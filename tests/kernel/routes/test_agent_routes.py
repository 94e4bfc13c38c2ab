"""The list of agents, as the first system's clients read it and with what it lacked."""

from datetime import UTC, datetime, timedelta

import asyncpg
import jsonschema
import pytest
import pytest_asyncio

from masterlinc.ids import new_id
from masterlinc.testing import bearer, client_of

FIRST_SYSTEM = {
    "agent_id",
    "name",
    "name_ar",
    "description",
    "description_ar",
    "endpoint",
    "status",
    "capabilities",
    "priority",
    "version",
    "category",
    "metadata",
    "last_heartbeat",
}


async def test_every_installed_agent_is_listed_with_every_field_of_the_first_system(caller):
    answer = (await caller("nurse").get("/api/v1/agents")).json()
    agents = {one["agent_id"]: one for one in answer["agents"]}
    assert answer["total"] == len(agents)
    assert {"masterlinc", "claimlinc", "policylinc", "doctorlinc", "authlinc", "sbslinc", "nphieslinc"} <= set(agents)
    for one in agents.values():
        assert set(one) >= FIRST_SYSTEM
        assert (one["status"], one["health"]) == ("online", "healthy")
        assert one["last_heartbeat"] is not None
        assert set(one["load"]) == {"running", "queued", "unread"}
        assert one["description"]
        assert one["description_ar"]
        assert one["capabilities"]
        assert [process["version"] for process in one["processes"]]


async def test_tasks_are_shown_to_who_may_run_them_with_schemas_that_fit_their_input(caller):
    def tasks(answer):
        return {task["name"]: task for one in answer.json()["agents"] for task in one["tasks"]}

    admin, nurse = caller("admin"), caller("nurse")
    mine = tasks(await admin.get("/api/v1/agents"))
    assert "claimlinc.validate" in mine
    assert "claimlinc.validate" not in tasks(await nurse.get("/api/v1/agents"))
    validate = mine["claimlinc.validate"]
    assert (validate["action"], validate["permission"]) == ("validate", "claim:submit")
    checker = jsonschema.Draft202012Validator(validate["input_schema"])
    checker.validate({"claim": {"patient_id": "MRN-1"}})
    with pytest.raises(jsonschema.ValidationError):
        checker.validate({})
    echo = mine["masterlinc.echo"]
    jsonschema.Draft202012Validator(echo["output_schema"]).validate({"message": [1, None]})


async def test_one_agent_is_shown_and_an_unknown_one_is_not_there(caller):
    nurse = caller("nurse")
    one = (await nurse.get("/api/v1/agents/claimlinc")).json()
    assert one["agent_id"] == "claimlinc"
    assert one["metadata"]["requires"] == ["authlinc", "policylinc", "sbslinc"]
    missing = await nurse.get("/api/v1/agents/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    assert missing.json()["detail_ar"] == "لا يوجد وكيل باسم nobody"


def only_authlinc(settings):
    settings.process.agents = ["authlinc"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def front(run_app):
    """A process that serves one agent; of the others a test says who serves them, and how."""
    return await run_app(configure=only_authlinc)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(front):
    connection = await asyncpg.connect(front.services.settings.database.owner_url.reveal())
    yield connection
    await connection.execute("DELETE FROM masterlinc.process WHERE name = 'other'")
    await connection.close()


@pytest.fixture
def listed(make_principal):
    async def get(running):
        async with client_of(running) as http:
            answer = await http.get("/api/v1/agents", headers=bearer(running, make_principal("admin")))
        return {one["agent_id"]: one for one in answer.json()["agents"]}

    return get


async def beat(owner, agent: str, *not_well: str) -> None:
    """Another process serves an agent, and says whether it is well."""
    call = "SELECT masterlinc.beat($1, 'other', 'host', 1, 'http://h', $2, '1', '0', '1 h', 0, '{}', false, $3)"
    await owner.execute(call, new_id(), [agent], not_well)


async def test_one_that_is_disabled_is_in_maintenance(run_app, listed):
    agents = await listed(await run_app(doctorlinc={"enabled": False}))
    assert (agents["doctorlinc"]["status"], agents["doctorlinc"]["reason"]) == ("maintenance", "disabled")
    assert agents["doctorlinc"]["tasks"] == []


async def test_an_agent_that_no_process_serves_is_offline(front, listed):
    agents = await listed(front)
    assert agents["authlinc"]["status"] == "online"
    claimlinc = agents["claimlinc"]
    assert (claimlinc["status"], claimlinc["health"], claimlinc["processes"]) == ("offline", "unknown", [])
    assert claimlinc["reason"] == "no process that lives serves it"


async def test_an_agents_health_is_what_those_say_who_serve_it(front, owner, listed, make_principal):
    """The process that answers finds every agent well, and serves only one of them."""
    await beat(owner, "claimlinc", "claimlinc")
    await beat(owner, "claimlinc")
    await beat(owner, "sbslinc")
    agents = await listed(front)
    assert (agents["claimlinc"]["status"], agents["claimlinc"]["health"]) == ("degraded", "unhealthy")
    assert {one["health"] for one in agents["claimlinc"]["processes"]} == {"unhealthy", "healthy"}
    assert (agents["sbslinc"]["status"], agents["sbslinc"]["health"]) == ("online", "healthy")
    async with client_of(front) as http:
        body = {"task_description": "the claims of claimlinc", "preferred_agent": None}
        answer = await http.post("/api/v1/delegate", json=body, headers=bearer(front, make_principal("admin")))
    states = {one["agent_id"]: one["status"] for one in answer.json()["explanation"]}
    assert (states["claimlinc"], states["sbslinc"]) == ("degraded", "online")


WORKFLOW = """
INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, status, lease_owner, wake_at,
    changed_at) VALUES ($1, 'toy', 1, $2, $1, 'policylinc', $3, $4, now() + $5::interval, now() + interval '1 h')
"""
DELIVERY = """
INSERT INTO masterlinc.delivery (subscription, event_id, agent, organization_id, aggregate, aggregate_seq, state,
    lease_owner, next_at) VALUES ('toy', $1, 'policylinc', $1, $1, 1, $2, $3, now() + $4::interval)
"""
MESSAGE = """
INSERT INTO masterlinc.message (organization_id, id, sender, receiver, message_type, fingerprint, priority, content,
    sent_by, delivered_at, workflow_id, acknowledged_at, acknowledged_by)
VALUES ($1, $1, 'authlinc', 'policylinc', 'note', $2, 5, 'x', $1, now(), $3, $4, $5)
"""
NOW, LATER = timedelta(0), timedelta(hours=1)


async def test_the_load_is_what_is_worked_on_what_is_due_and_what_lies_unread(front, owner, listed):
    assert (await listed(front))["policylinc"]["load"] == {"running": 0, "queued": 0, "unread": 0}
    process = new_id()
    for status, whose, due in (
        ("running", process, LATER),
        ("running", None, NOW),
        ("waiting", None, LATER),  # not yet
        ("parked", None, LATER),
        ("done", None, NOW),
    ):
        one = new_id()
        await owner.execute(WORKFLOW, one, one.hex, status, whose, due)
    for state, whose, due in (
        ("pending", process, LATER),
        ("pending", process, LATER),
        ("pending", None, NOW),
        ("pending", None, LATER),  # it failed, and comes again
        ("done", None, NOW),
        ("parked", None, NOW),
    ):
        await owner.execute(DELIVERY, new_id(), state, whose, due)
    for _ in range(3):
        one = new_id()
        await owner.execute(MESSAGE, one, one.bytes, None, None, None)
    one, seen = new_id(), new_id()
    await owner.execute(MESSAGE, one, one.bytes, new_id(), None, None)  # its workflow is what counts
    await owner.execute(MESSAGE, seen, seen.bytes, None, datetime.now(UTC), seen)
    agents = await listed(front)
    assert agents["policylinc"]["load"] == {"running": 3, "queued": 2, "unread": 3}
    assert agents["sbslinc"]["load"] == {"running": 0, "queued": 0, "unread": 0}


async def test_unread_messages_are_load_when_work_is_handed_out(front, owner, make_principal):
    await beat(owner, "policylinc")
    one = new_id()
    await owner.execute(MESSAGE, one, one.bytes, None, None, None)
    async with client_of(front) as http:
        before, after = [
            {one["agent_id"]: one["load"] for one in answer.json()["explanation"]}["policylinc"]
            for answer in [
                await http.post(
                    "/api/v1/delegate",
                    json={"task_description": "note", "preferred_agent": "policylinc"},
                    headers=bearer(front, make_principal("admin")),
                )
                for _ in range(2)
            ]
        ]
    assert (before >= 1, after - before) == (True, 1)


async def test_the_list_needs_its_permission(caller):
    assert (await caller().get("/api/v1/agents")).status_code == 403
    assert (await caller().get("/api/v1/agents/policylinc")).status_code == 403
