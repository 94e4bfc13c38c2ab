"""Organizations and users for the tests of signing in."""

from dataclasses import dataclass
from uuid import UUID

import httpx

from authlinc.contract import OrganizationKind
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
