import os
from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio
from policy_builders import Insured, insure

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from masterlinc.context import Context
from masterlinc.ids import new_id
from masterlinc.testing import MASTER_KEY, MakePrincipal, RunApp, Running

OTHERS = ("claimlinc", "nphieslinc", "sbslinc")

NewContext = Callable[..., Awaitable[Context]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app: RunApp) -> Running:
    """An application with this agent, the one that it requires and the one that it can do without."""
    return await run_app(**{name: {"enabled": False} for name in OTHERS})


@pytest.fixture
def new_context(running: Running, make_principal: MakePrincipal) -> NewContext:
    """This agent as a user of a new organization sees it."""

    async def make(kind: OrganizationKind, role: str) -> Context:
        directory = running.context("authlinc", make_principal())
        number = License(f"http://nphies.sa/license/{kind.value}-license", f"{kind.value}-{new_id().hex[-12:]}")
        made = await create_organization(directory, NewOrganization(kind, "An insurer", "شركة تأمين", (number,)))
        return running.context("policylinc", make_principal(role, organization=made.organization_id))

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def payer(new_context: NewContext) -> Context:
    """An administrator of a new payer."""
    return await new_context(OrganizationKind.PAYER, "payer_admin")


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(new_context: NewContext) -> Context:
    """A doctor of a new provider."""
    return await new_context(OrganizationKind.PROVIDER, "doctor")


@pytest_asyncio.fixture(loop_scope="session")
async def insured(payer: Context) -> Insured:
    """A member of a new payer."""
    return await insure(payer, payer.principal.organization_id)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    """The settings of the running system, as a command on its server reads them."""
    for name in [name for name in os.environ if name.startswith("MASTERLINC_")]:
        monkeypatch.delenv(name)
    url = running.services.settings.database.url.reveal()
    for name, value in {
        "DATABASE__URL": url,
        "SECURITY__MASTER_KEY": MASTER_KEY,
        "NPHIESLINC__HUB": "simulator",
    }.items():
        monkeypatch.setenv(f"MASTERLINC_{name}", value)
