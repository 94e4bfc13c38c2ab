import pytest_asyncio
from claim_parties import Parties, make_parties

from masterlinc.settings import Settings
from masterlinc.testing import MakePrincipal, RunApp, Running


@pytest_asyncio.fixture(loop_scope="session")
async def parties(running: Running, make_principal: MakePrincipal) -> Parties:
    return await make_parties(running, make_principal)


@pytest_asyncio.fixture(loop_scope="session")
async def another_parties(running: Running, make_principal: MakePrincipal) -> Parties:
    return await make_parties(running, make_principal)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_quietly(run_app: RunApp) -> Running:
    """A process that sends nothing: the payer answers when a test says so, and as it says."""

    def configure(settings: Settings) -> None:
        settings.process.agents = ["authlinc", "claimlinc", "doctorlinc", "policylinc", "sbslinc"]

    return await run_app(configure=configure)


@pytest_asyncio.fixture(loop_scope="session")
async def quiet(running_quietly: Running, make_principal: MakePrincipal) -> Parties:
    """Parties whose claims nobody answers by himself."""
    return await make_parties(running_quietly, make_principal)
