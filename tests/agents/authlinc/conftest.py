import pytest_asyncio
from accounts import ALONE

from masterlinc.testing import RunApp, Running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app: RunApp) -> Running:
    """An application with this agent and no other."""
    return await run_app(**ALONE)
