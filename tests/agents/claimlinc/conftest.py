from datetime import UTC, datetime

import pytest
import pytest_asyncio
from claim_parties import Parties, make_parties
from claim_paying import payers_people

from masterlinc.context import Context
from masterlinc.settings import Settings
from masterlinc.testing import FixedClock, MakePrincipal, RunApp, Running


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def timed(run_app: RunApp) -> tuple[Running, FixedClock]:
    """An application whose time a test moves; its timers go off when a test asks, and not by themselves."""
    time = FixedClock(datetime(2026, 3, 10, 9, 0, tzinfo=UTC))

    def configure(settings: Settings) -> None:
        settings.process.agents = ["authlinc", "policylinc"]

    return await run_app(clock=time, configure=configure), time


@pytest_asyncio.fixture(loop_scope="session")
async def there(timed: tuple[Running, FixedClock], make_principal: MakePrincipal) -> Parties:
    """Parties whose time a test moves."""
    return await make_parties(timed[0], make_principal)


@pytest.fixture
def desk(running_quietly: Running, quiet: Parties, make_principal: MakePrincipal) -> list[Context]:
    """Two people of the quiet payer."""
    return payers_people(running_quietly, make_principal, quiet)
