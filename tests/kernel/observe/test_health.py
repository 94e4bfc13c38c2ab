"""Health over real servers: what it says when they come and go."""

import json

import httpx
import pytest
from litestar import Litestar

from masterlinc import runtime
from masterlinc.agent import Agent
from masterlinc.observe import health
from masterlinc.registry import Registry, Skipped, assemble
from masterlinc.secrets import Secret
from masterlinc.settings import RedisUrl
from masterlinc.testing import settings_for


class Toy:
    """An agent whose health is what a test says."""

    def __init__(self) -> None:
        self.well = True
        self.agent = Agent("toy", "Toy", "لعبة", "1", ">=0", health=self.check)

    async def check(self, ctx) -> None:
        assert ctx.agent == "toy"
        if not self.well:
            raise RuntimeError("patient سلمى")


@pytest.fixture
async def make(new_database):
    opened = []

    async def start(*agents, redis="", url=None, **registry):
        settings = settings_for(await new_database())
        settings.agents, settings.redis.url = {}, RedisUrl(redis)
        settings.database.url = Secret(url) if url else settings.database.url
        base = assemble(settings, agents)
        services = runtime.build(settings, Registry(base.agents, base.configs, base.tasks, base.by_request, **registry))
        monitor = health.Monitor(services)
        opened.append((monitor, services))
        return monitor

    yield start
    for monitor, services in opened:
        await monitor.close()
        await services.http.aclose()


async def report(monitor):
    await monitor.probe()
    return json.loads(monitor.body)


async def test_all_is_well(make):
    body = await report(await make(Toy().agent))
    assert body["status"] == "healthy"
    assert body["services"] == {"database": "connected", "redis": "not_configured"}
    assert body["agents"] == {"masterlinc": "healthy", "toy": "healthy"}
    assert {"status", "version", "timestamp", "service", "services"} <= body.keys()


async def test_an_agent_that_is_not_well_degrades_and_says_nothing_more(make, caplog):
    toy = Toy()
    monitor = await make(
        toy.agent,
        skipped=(Skipped("foreign", "needs kernel 9"),),
        disabled=(Agent("idle", "Idle", "خامل", "1", ">=0"),),
    )
    toy.well = False
    body = await report(monitor)
    assert body["status"] == "degraded"
    assert body["agents"] == {
        "foreign": "incompatible",
        "idle": "disabled",
        "masterlinc": "healthy",
        "toy": "unhealthy",
    }
    assert "سلمى" not in monitor.body.decode() + caplog.text
    assert monitor.ready


async def test_redis_comes_and_goes_and_work_goes_on(make, valkey):
    monitor = await make(redis=valkey.url)
    assert (await report(monitor))["services"]["redis"] == "connected"
    away = await make(redis="redis://127.0.0.1:1")
    body = await report(away)
    assert (body["status"], body["services"]["redis"]) == ("degraded", "disconnected")
    assert away.ready


async def test_without_a_database_nothing_is_ready(make):
    monitor = await make(url="postgresql://app@127.0.0.1:1/none")
    body = await report(monitor)
    assert (body["status"], body["services"]["database"]) == ("unhealthy", "disconnected")
    app = Litestar(health.handlers(monitor), openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        assert (await http.get("/health")).status_code == 503
        assert (await http.get("/health/ready")).status_code == 503
        live = await http.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "alive"})


async def test_a_connection_that_breaks_is_made_anew(make):
    monitor = await make()
    assert (await report(monitor))["status"] == "healthy"
    monitor._database._connection.terminate()
    assert (await report(monitor))["status"] == "unhealthy"
    assert (await report(monitor))["status"] == "healthy"


async def test_attack_147_the_bare_probes_say_no_version(client):
    for path in ("/health/live", "/health/ready"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert list(answer.json()) == ["status"]
