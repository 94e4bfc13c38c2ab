"""An administrator who makes what machines sign in with."""

from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from masterlinc.security.principal import Principal
from masterlinc.testing import Running, bearer

SCOPES = ["agent:read", "organization:read"]


@dataclass
class Desk:
    """An administrator of an organization, who makes one `thing` after the other at its `path`."""

    path: ClassVar[str]
    thing: ClassVar[str]
    running: Running
    client: httpx.AsyncClient
    boss: Principal

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.running, self.boss)

    async def make(self, **changes: Any) -> httpx.Response:
        body = {"name": "The hospital system", "scopes": SCOPES, **changes}
        return await self.client.post(self.path, json=body, headers=self.headers)

    async def made(self, **changes: Any) -> tuple[str, str]:
        """The number of a new one, and its secret."""
        answer = await self.make(**changes)
        assert answer.status_code == 201, answer.text
        return answer.json()[self.thing][f"{self.thing}_id"], answer.json()["secret"]

    async def use(self, secret: str, path: str = "/api/v1/agents") -> int:
        return (await self.client.get(path, headers={"Authorization": f"Bearer {secret}"})).status_code
