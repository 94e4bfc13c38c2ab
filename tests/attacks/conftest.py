"""What the attack cases share: the whole application, and a provider and a payer with their people in it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest_asyncio

from masterlinc.security.principal import Principal
from masterlinc.testing import MakePrincipal, Running, bearer, client_of

TESTS = Path(__file__).parents[1]
# Builders and servers stand beside the tests of their part; they are not written a second time here.
sys.path += [str(TESTS / part) for part in ("agents/claimlinc", "agents/authlinc", "agents/nphieslinc", "kernel/http")]

from claim_parties import Parties, make_parties  # noqa: E402 - found by the line above
from test_over_the_wire import connect, server  # noqa: E402, F401 - fixtures


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, and the way to send with it."""

    http: httpx.AsyncClient
    principal: Principal
    headers: dict[str, str]

    async def send(self, method: str, path: str, body: object = ..., **more: str) -> httpx.Response:
        """Send a request as this caller."""
        headers = self.headers | {name.replace("_", "-"): value for name, value in more.items()}
        if body is ...:
            return await self.http.request(method, path, headers=headers)
        content = body if isinstance(body, bytes) else json.dumps(body)  # escapes: half a pair travels too
        return await self.http.request(
            method, path, content=content, headers={"Content-Type": "application/json"} | headers
        )


@dataclass(frozen=True)
class House:
    """The application, two sides of a claim, and strangers of every kind."""

    running: Running
    parties: Parties
    make_principal: MakePrincipal
    http: httpx.AsyncClient

    def caller(self, *roles: str, home: object = None) -> Caller:
        """Return somebody with these roles, in an organization of their own unless one is named."""
        principal = self.make_principal(*roles, organization=home)
        return Caller(self.http, principal, bearer(self.running, principal))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(running: Running, make_principal: MakePrincipal):
    async with client_of(running) as http:
        yield House(running, await make_parties(running, make_principal), make_principal, http)
