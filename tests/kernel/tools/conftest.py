"""An application whose tools are on, with an agent that tries them, and the SDK's own client on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from unittest.mock import patch

import httpx2
import pytest
import pytest_asyncio
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from tool_probe import PROBE

from masterlinc.registry import discover
from masterlinc.security.principal import Principal
from masterlinc.testing import RunApp, Running, client_of

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app: RunApp) -> Running:
    """An application whose tools are on."""

    def on(settings):
        settings.tools.enabled = True
        settings.tools.origins = ["https://assistant.example"]

    agents, _ = discover()
    with patch("masterlinc.testing.discover", lambda: ([*agents, PROBE], [])):
        return await run_app(configure=on)


@pytest_asyncio.fixture(loop_scope="session")
async def client(running: Running) -> AsyncIterator[object]:
    """A bare HTTP client on it."""
    async with client_of(running) as http:
        yield http


@pytest.fixture
def connect(running: Running) -> Connect:
    """Connect the SDK's client for a caller."""

    @asynccontextmanager
    async def open_client(principal: Principal, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
        sent = {"Authorization": f"Bearer {running.token(principal)}"} | headers
        transport = httpx2.ASGITransport(app=running.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver", headers=sent) as http:
            link = streamable_http_client("http://testserver/mcp", http_client=http, terminate_on_close=False)
            async with Client(link, mode=mode) as client:
                yield client

    return open_client


@pytest.fixture
def rows(running: Running):
    """Read the audit rows of a caller's calls of tools, the oldest first."""

    async def read(principal: Principal):
        async with running.services.db.transaction(principal.organizations) as tx:
            return await tx.fetch(
                "SELECT action, resource, resource_id, outcome, detail, actor_id, session_id, trace_id"
                " FROM masterlinc.audit_event WHERE action = 'tool.call' ORDER BY id"
            )

    return read
