"""Rules of a running system: with the agent, and without it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from litestar import Litestar

from masterlinc.agent import Agent, DemoPlan
from masterlinc.app import API, create_app
from masterlinc.conformance.subject import Subject
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.errors import StartupError, the_one
from masterlinc.registry import Registry, assemble
from masterlinc.security.principal import service_principal
from masterlinc.settings import Settings

_SEED, _PEOPLE, _CLAIMS = 1447, 6, 3
_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = to_regnamespace($1)
"""


@dataclass(frozen=True)
class System:
    """How the application is started with and without the subject, over a database that has its tables."""

    subject: Subject
    settings: Callable[[], Settings]
    owner: Any  # an asyncpg connection of the role that owns the tables, and sees every row
    told: list[str] = field(default_factory=list)  # by demos


async def it_starts_and_is_well(system: System) -> AsyncIterator[str]:
    """The process starts with it, /health calls it healthy, and the API document can be made."""
    name = system.subject.name
    try:
        async with _started(system, *system.subject.needed(), system.subject.agent) as app, _client(app) as client:
            state = (await client.get("/health")).json()["agents"].get(name)
            if state != "healthy":
                yield f"/health calls {name} {state}: see what Agent(health=…) raises"
            document = await client.get(f"{API}/openapi.json")
            if document.is_error:
                yield f"the API document cannot be made: {document.text[:200]}"
    except StartupError as fault:
        yield f"the process does not start with it: {fault}"


async def it_may_be_disabled(system: System) -> AsyncIterator[str]:
    """With `enabled = false` the process starts without it: no route, no task, no subscription is left."""
    name = system.subject.name
    try:
        async with _started(system, *system.subject.independent()) as app, _client(app) as client:
            state = (await client.get("/health")).json()["agents"].get(name)
            if state != "disabled":
                yield f"/health calls {name} {state} where it is disabled"
            async with app.state.services.db.transaction() as tx:
                left = await tx.fetchval("SELECT count(*) FROM masterlinc.subscription WHERE agent = $1", name)
            if left:
                yield f"{left} subscriptions of {name} are there where it is disabled"
    except StartupError as fault:
        yield f"the process does not start without it: {fault}"


async def its_demo_may_run_again(system: System) -> AsyncIterator[str]:
    """A demo that was cut short is run again: what is there already stays, and nothing is there twice."""
    agent = system.subject.agent
    if agent.demo is None:
        return
    async with _started(system, *system.subject.needed(), agent) as app:
        services = app.state.services
        plan = DemoPlan(_SEED, "a password of twelve", people(_SEED, _PEOPLE), _CLAIMS, system.told.append)
        for one in services.registry.agents:
            if one.demo is not None:
                await one.demo(_context(app, one.name), plan)
        await app.state.dispatcher.idle()
        before = await _rows(system)
        await agent.demo(_context(app, agent.name), plan)
        await app.state.dispatcher.idle()
        after = await _rows(system)
    for table in sorted(after):
        if after[table] != before[table]:
            grown = f"from {before[table]} to {after[table]} rows"
            yield f"a second run of the demo takes table {table} {grown}: look what is there before you add"


@asynccontextmanager
async def _started(system: System, *agents: Agent) -> AsyncIterator[Litestar]:
    settings = system.settings()
    app = create_app(settings, _registry(system, settings, *agents))
    try:
        async with app.lifespan():
            yield app
    except BaseExceptionGroup as group:  # Litestar's lifespan wraps what stops it
        raise the_one(group) from None


def _registry(system: System, settings: Settings, *agents: Agent) -> Registry:
    """Enable these agents alone."""
    wanted = {agent.name for agent in agents}
    own = {system.subject.name: system.subject.allowed.settings}
    for name in system.subject.installed:
        settings.agents[name] = {**settings.agents.get(name, {}), **own.get(name, {}), "enabled": name in wanted}
    return assemble(settings, system.subject.installed.values())


async def _rows(system: System) -> dict[str, int]:
    """Count the rows of each of the agent's tables."""
    tables = [row[0] for row in await system.owner.fetch(_TABLES, system.subject.name)]
    return {table: await system.owner.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - named by the server


def _client(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://conformance")


def _context(app: Litestar, agent: str) -> Context:
    return Context(agent, app.state.services, service_principal(agent, frozenset()), trace_id="conformance")


RULES = (
    it_starts_and_is_well,
    it_may_be_disabled,
    its_demo_may_run_again,
)
