"""A caller of the routes, and workflows in whatever state a test wants."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from masterlinc.ids import parse
from masterlinc.security.principal import Principal
from masterlinc.testing import Running, bearer


class Caller:
    """Somebody with a token."""

    def __init__(self, http: httpx.AsyncClient, running: Running, principal: Principal) -> None:
        self.http, self.running, self.principal = http, running, principal

    @property
    def organization(self) -> UUID:
        return self.principal.organization_id

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params, headers=bearer(self.running, self.principal))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = bearer(self.running, self.principal) | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return await self.http.post(path, headers=sent)
        return await self.http.post(path, json=body, headers=sent)

    async def run(self, *steps: dict[str, Any], **more: Any) -> httpx.Response:
        body = {"workflow_name": "test", "steps": [*steps], "execution_mode": "mixed"} | more
        return await self.post("/api/v1/workflow/execute", body)

    async def ended(self, workflow: str) -> dict[str, Any]:
        """Return a workflow once it has ended."""
        answer = await self.get(f"/api/v1/workflows/{workflow}", wait_seconds=20)
        assert answer.status_code == 200, answer.text
        assert answer.json()["completed_at"] is not None, answer.text
        return answer.json()

    async def audited(self, action: str) -> list[dict[str, Any]]:
        """Return the audit rows of an action in the caller's organization."""
        async with self.running.services.db.transaction(self.principal.organizations) as transaction:
            return [
                dict(row)
                for row in await transaction.fetch(
                    "SELECT actor_id, resource_id, detail FROM masterlinc.audit_event"
                    " WHERE organization_id = $1 AND action = $2 ORDER BY id",
                    self.organization,
                    action,
                )
            ]

    async def force(self, workflow: str, **columns: Any) -> None:
        """Set columns of a workflow's row, as if the engine had."""
        names = ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, 2))
        async with self.running.services.db.transaction(self.principal.organizations) as transaction:
            await transaction.execute(
                f"UPDATE masterlinc.workflow SET {names} WHERE id = $1", parse("WFL", workflow), *columns.values()
            )


NewCaller = Callable[..., Caller]


@pytest.fixture
def caller(client: httpx.AsyncClient, running: Running, make_principal: Any) -> NewCaller:
    """Make a caller with roles, in a new organization unless one is named."""

    def make(*roles: str, organization: UUID | None = None, permissions: frozenset[str] = frozenset()) -> Caller:
        return Caller(client, running, make_principal(*roles, organization=organization, permissions=permissions))

    return make
