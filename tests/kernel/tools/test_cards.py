"""A2A cards."""

import pytest
from tool_probe import PROBES

from masterlinc.testing import bearer
from masterlinc.tools import cards

REQUIRED = {"name", "description", "supportedInterfaces", "version", "capabilities", "skills"}
REQUIRED |= {"defaultInputModes", "defaultOutputModes"}


@pytest.fixture
def card(client, running, make_principal):
    async def read(path, *roles, **headers):
        return await client.get(path, headers=bearer(running, make_principal(*roles)) | headers)

    return read


async def test_an_agent_has_a_card_of_what_it_can_do_for_the_caller(card):
    answer = await card("/api/v1/agents/sbslinc/card", "doctor")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert told.keys() >= REQUIRED
    assert [skill["id"] for skill in told["skills"]] == [
        "sbslinc_apply_financial_rules",
        "sbslinc_normalize_codes",
        "sbslinc_verify_document",
    ]
    for skill in told["skills"]:
        assert {"id", "name", "description", "tags"} == skill.keys()
        assert skill["tags"]
    (interface,) = told["supportedInterfaces"]
    assert interface["url"] == "http://127.0.0.1:8000/mcp"
    assert interface["protocolVersion"] == "1.0"
    assert told["capabilities"] == {"streaming": False, "pushNotifications": False, "extendedAgentCard": False}
    assert told["securityRequirements"] == [{"schemes": {"bearer": {"list": []}}}]
    assert told["securitySchemes"]["bearer"]["httpAuthSecurityScheme"]["scheme"] == "Bearer"


async def test_the_card_of_the_system_has_the_skills_of_all(card):
    told = (await card("/.well-known/agent-card.json", "admin")).json()
    agents = {skill["tags"][0] for skill in told["skills"]}
    assert {"authlinc", "claimlinc", "doctorlinc", "policylinc", "sbslinc", "probelinc"} <= agents


async def test_a_card_shows_no_skill_that_the_caller_lacks(card):
    ids = {skill["id"] for skill in (await card("/api/v1/agents/probelinc/card", "doctor")).json()["skills"]}
    assert ids == PROBES
    researcher = (await card("/.well-known/agent-card.json", "researcher")).json()
    assert "claimlinc_validate" not in {skill["id"] for skill in researcher["skills"]}


async def test_every_enabled_agent_has_a_card_even_without_skills(card, running):
    for agent in running.services.registry.agents:
        told = (await card(f"/api/v1/agents/{agent.name}/card", "auditor")).json()
        assert (told["name"], told["version"]) == (agent.title, agent.version)
        assert (agent.description_ar or agent.title_ar) in told["description"]


@pytest.mark.parametrize("name", ["nobody", "CLAIMLINC", "claimlinc%00", "..%2fclaimlinc", "é"])
async def test_who_is_no_agent_has_no_card(card, name):
    answer = await card(f"/api/v1/agents/{name}/card", "admin")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_card_asks_for_the_right_to_see_agents(card):
    assert (await card("/.well-known/agent-card.json")).status_code == 403
    assert (await card("/api/v1/agents/claimlinc/card")).status_code == 403


def test_addresses_come_from_the_settings(running):
    settings = running.services.settings
    before = settings.tools.url, settings.http.host
    try:
        settings.http.host = "::1"
        assert cards.address(settings) == "http://[::1]:8000"
        settings.tools.url = "https://masterlinc.example/base"
        assert cards.address(settings) == "https://masterlinc.example/base"
        assert cards.origin(settings) == "https://masterlinc.example"
    finally:
        settings.tools.url, settings.http.host = before
