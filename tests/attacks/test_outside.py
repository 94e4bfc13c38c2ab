"""Attack cases of what lies around a request: answers from outside, the profile of production, pooled connections."""

from dataclasses import replace

import httpx
import pytest

from masterlinc.context import Context
from masterlinc.ids import new_id
from masterlinc.settings import load
from masterlinc.testing import RunApp, client_of
from nphieslinc import hub
from nphieslinc.config import Config
from nphieslinc.errors import HubUnreachable

ADDRESS = "https://hub.example/$process-message"


def reaching(house, answer) -> Context:
    """A context whose hub is outside, behind a client that answers as the test says."""
    services = house.running.services
    configs = dict(services.registry.configs) | {"nphieslinc": Config(hub=ADDRESS)}
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(answer),
        follow_redirects=services.http.follow_redirects,
        trust_env=services.http.trust_env,
    )
    outside = replace(services, registry=replace(services.registry, configs=configs), http=client)
    return Context("nphieslinc", outside, house.parties.provider.principal)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:5432/", "file:///etc/passwd"]
)
async def test_case_128_the_hub_sends_us_nowhere_else(house, status, location):
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"Location": location}, content=b"elsewhere")

    assert await hub.send(reaching(house, answer), b"message") == b"elsewhere"  # which no reader takes for an answer
    assert asked == [ADDRESS]
    assert house.running.services.http.trust_env is False


async def test_case_129_an_endless_answer_is_cut(house, monkeypatch):
    monkeypatch.setattr(hub, "_MAX_ANSWER", 1_000_000)
    given = 0

    async def endless():
        nonlocal given
        while True:
            given += 65_536
            yield b" " * 65_536

    with pytest.raises(HubUnreachable, match="larger than any message"):
        await hub.send(reaching(house, lambda _: httpx.Response(200, content=endless())), b"message")
    assert given < 2_000_000


async def test_case_153_production_shows_no_documentation(run_app: RunApp):
    """Docs are off by the profile; nothing else that only developers need is served at all."""
    shipped = load("production", environment={}).http
    assert (shipped.docs, shipped.production) == (False, True)

    def without_docs(settings):
        settings.http.docs = shipped.docs

    async with client_of(await run_app(configure=without_docs)) as http:
        for path in ("/api/v1/docs", "/api/v1/openapi.json", "/api/v1/asyncapi.json", "/schema", "/docs", "/redoc"):
            assert (await http.get(path)).status_code == 404, path
        for path in ("/metrics", "/debug", "/debug/pprof", "/admin", "/.env", "/.git/config", "/server-status"):
            assert (await http.get(path)).status_code == 404, path


async def test_case_155_ten_thousand_alternations_mix_nobody_up(house):
    """One pool, two organizations in turn on whatever connection is free: none finds what the one before it set."""
    services, found = house.running.services, set()
    homes = (new_id(), new_id())
    query = (
        "SELECT current_setting('masterlinc.orgs', true) AS before, set_config('masterlinc.orgs', $1, true),"
        " current_setting('masterlinc.orgs', true) AS after"
    )
    for number in range(10_000):
        home = homes[number % 2]
        seen = await services.db.call(query, {home})
        found.add(seen["before"])
        assert str(home) in seen["after"]
    assert found <= {None, ""}
    async with services.db.transaction() as transaction:
        assert await transaction.fetchval("SELECT current_setting('masterlinc.orgs', true)") in {"", "{}"}
