import pytest_asyncio

from masterlinc.testing import RunApp, Running

OTHERS = ("claimlinc", "doctorlinc", "nphieslinc", "policylinc", "sbslinc")
ALONE = {name: {"enabled": False} for name in OTHERS}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app: RunApp) -> Running:
    """An application with this agent and no other."""
    return await run_app(**ALONE)
