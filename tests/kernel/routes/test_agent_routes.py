"""The list of agents, as the first system's clients read it and with what it lacked."""

import jsonschema
import pytest

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
        assert one["load"] == {"running": one["load"]["running"], "queued": one["load"]["queued"]}
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


async def test_an_agent_that_is_not_well_is_degraded_and_one_that_is_disabled_in_maintenance(run_app, make_principal):
    running = await run_app(doctorlinc={"enabled": False})
    running.services.kept["masterlinc.health"]["sbslinc"] = "unhealthy"
    async with client_of(running) as http:
        answer = await http.get("/api/v1/agents", headers=bearer(running, make_principal("admin")))
    agents = {one["agent_id"]: one for one in answer.json()["agents"]}
    assert (agents["sbslinc"]["status"], agents["sbslinc"]["health"]) == ("degraded", "unhealthy")
    assert (agents["doctorlinc"]["status"], agents["doctorlinc"]["reason"]) == ("maintenance", "disabled")
    assert agents["doctorlinc"]["tasks"] == []


async def test_an_agent_that_no_process_serves_is_offline(run_app, make_principal):
    def only_authlinc(settings):
        settings.process.agents = ["authlinc"]

    running = await run_app(configure=only_authlinc)
    async with client_of(running) as http:
        answer = await http.get("/api/v1/agents", headers=bearer(running, make_principal("admin")))
    agents = {one["agent_id"]: one for one in answer.json()["agents"]}
    assert agents["authlinc"]["status"] == "online"
    assert (agents["claimlinc"]["status"], agents["claimlinc"]["processes"]) == ("offline", [])
    assert agents["claimlinc"]["reason"] == "no process that lives serves it"


async def test_the_list_needs_its_permission(caller):
    assert (await caller().get("/api/v1/agents")).status_code == 403
    assert (await caller().get("/api/v1/agents/claimlinc")).status_code == 403
