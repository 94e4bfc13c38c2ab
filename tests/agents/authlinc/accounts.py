"""Organizations and users for the tests of signing in."""

from dataclasses import dataclass, replace
from uuid import UUID

import httpx

from authlinc.contract import OrganizationKind
from authlinc.schemas import UserChange
from authlinc.service import accounts
from authlinc.service.directory import License, NewOrganization, create_organization
from authlinc.service.users import NewUser, create_user
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.security.principal import service_principal
from masterlinc.testing import Running

ALONE = {name: {"enabled": False} for name in ("claimlinc", "doctorlinc", "nphieslinc", "policylinc", "sbslinc")}
PASSWORD = "a long pass phrase"


@dataclass(frozen=True)
class Account:
    email: str
    user_id: UUID
    organization_id: UUID
    password: str = PASSWORD


def system(running: Running) -> Context:
    return running.context("authlinc", service_principal("authlinc", frozenset()))


async def organization(running: Running, kind: OrganizationKind = OrganizationKind.PROVIDER) -> UUID:
    license_ = License("http://nphies.sa/license/provider-license", f"T-{ids.new_id().hex[-12:]}")
    made = await create_organization(system(running), NewOrganization(kind, "A clinic", "عيادة", (license_,)))
    assert made.organization_id is not None
    return made.organization_id


async def account(
    running: Running, *roles: str, email: str | None = None, password: str = PASSWORD, home: UUID | None = None
) -> Account:
    place = home or await organization(running)
    address = email or f"u{ids.new_id().hex}@clinic.example"
    user = NewUser(place, address, password, "Nora", "نورة", roles or ("nurse",))
    return Account(address, await create_user(system(running), user), place, password)


async def login(client: httpx.AsyncClient, who: Account, **changes: str) -> httpx.Response:
    body = {"email": who.email, "password": who.password, **changes}
    return await client.post("/api/v1/auth/login", json=body)


async def disable(running: Running, who: Account) -> None:
    """Disable an account, by an administrator of its organization."""
    boss = await account(running, "admin", home=who.organization_id)
    principal = replace(
        service_principal("test", frozenset({who.organization_id})), user_id=boss.user_id, roles=frozenset({"admin"})
    )
    ctx = running.context("authlinc", principal)
    await accounts.change_user(ctx, who.user_id, UserChange(enabled=False), "*")


async def bearer_of(client: httpx.AsyncClient, who: Account) -> dict[str, str]:
    """The headers of a request by an account that signs in for it."""
    answer = await login(client, who)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def change_user(
    client: httpx.AsyncClient, bearer: dict[str, str], who: Account, change: dict[str, object]
) -> httpx.Response:
    """Change a user as an administrator does: read it, and send its tag back."""
    url = f"/api/v1/users/{ids.show('USR', who.user_id)}"
    tag = (await client.get(url, headers=bearer)).headers.get("ETag", "*")
    return await client.patch(url, json=change, headers=bearer | {"If-Match": tag})


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})


async def audits(running: Running, who: Account, action: str) -> list[tuple[str, dict[str, str]]]:
    """The outcomes and details of an account's audit rows, oldest first."""
    import msgspec

    async with system(running).transaction(frozenset({who.organization_id})) as transaction:
        rows = await transaction.fetch(
            "SELECT outcome, detail FROM masterlinc.audit_event WHERE organization_id = $1 AND action = $2 ORDER BY id",
            who.organization_id,
            action,
        )
    return [(row["outcome"], msgspec.json.decode(row["detail"])) for row in rows]
