"""One system for each shape, started once: every test of a shape works on it, and leaves all its processes running."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from harness import LEASE, SHAPES, System, new_folder


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=SHAPES)
async def system(request: pytest.FixtureRequest) -> AsyncIterator[System]:
    """A running system; at its end every process stops in order."""
    with new_folder() as folder:
        one = System(folder, request.param, ENGINE__LEASE_SECONDS=LEASE, PROCESS__UNREADY_SECONDS="0.3")
        try:
            await one.begin()
            yield one
            count = len(one.names)
        finally:
            codes = await one.end()
        assert codes == [0] * count
