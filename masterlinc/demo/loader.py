"""Loads the demo data once for a data folder; every enabled agent adds its part, in start order."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from masterlinc import runtime, secrets_file
from masterlinc.agent import DemoPlan
from masterlinc.context import Context, Services
from masterlinc.db.migrate import analyze
from masterlinc.demo.population import people
from masterlinc.errors import StartupError
from masterlinc.registry import Registry
from masterlinc.security.principal import service_principal
from masterlinc.settings import Settings

DOMAIN = "demo.masterlinc.test"
ROLES = ("admin", "doctor", "nurse", "billing", "payer", "researcher", "operator", "auditor")
_PASSWORD = "demo_password"  # noqa: S105 - the name of the secret, not one
_LOADED = "demo_loaded"
_SHORTEST = 12


async def ensure(settings: Settings, registry: Registry, data: Path, tell: Callable[[str], None]) -> str:
    """Load the demo data where it is not yet; returns the demo users' password."""
    stored = secrets_file.load(data)
    password = stored.get(_PASSWORD) or _chosen_password()
    if stored.get(_LOADED) == "yes":
        return password
    secrets_file.save(data, stored | {_PASSWORD: password})
    size = settings.demo
    plan = DemoPlan(size.seed, password, people(size.seed, size.patients), size.claims, tell)
    services = runtime.build(settings, registry)
    async with runtime.run(services) as dispatcher:
        for agent in registry.agents:
            if agent.demo is not None:
                await agent.demo(_context(agent.name, services), plan)
        await dispatcher.idle()
    await analyze(settings.database.owner_url.reveal())
    secrets_file.save(data, secrets_file.load(data) | {_LOADED: "yes"})
    return password


def password_of(data: Path) -> str | None:
    """Return the demo users' password that this data folder keeps, if it is there and ours to read."""
    try:
        return secrets_file.load(data).get(_PASSWORD)
    except StartupError:
        return None


def _chosen_password() -> str:
    chosen = os.environ.get("MASTERLINC_DEMO_PASSWORD", "")
    if chosen and len(chosen) < _SHORTEST:
        raise StartupError(f"MASTERLINC_DEMO_PASSWORD is shorter than {_SHORTEST} characters")
    return chosen or secrets.token_urlsafe(12)


def _context(agent: str, services: Services) -> Context:
    return Context(agent, services, service_principal(agent, frozenset()), trace_id="demo")
