"""One system for each shape, started once: every test of a shape works on it, and leaves all its processes running."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.register_assert_rewrite("harness", "ledger", "sending", "chaos.keeper", "chaos.trial")  # a fault shows its rows

from chaos.redis_server import RedisServer  # noqa: E402
from chaos.trial import Trial  # noqa: E402
from harness import LEASE, SHAPES, System, new_folder  # noqa: E402


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=SHAPES)
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    """A running system with a Redis and with the agent whose work dies; at its end every process stops in order."""
    with new_folder() as folder, RedisServer(folder) as redis:
        settings = {"REDIS__URL": redis.url, "REDIS__STREAM": "masterlinc:events"}
        one = System(folder, request.param, ENGINE__LEASE_SECONDS=LEASE, PROCESS__UNREADY_SECONDS="0.3", **settings)
        started = Trial(one, redis)
        try:
            await started.begin()
            yield started
            count = len(one.names)
        finally:
            codes = await one.end()
        assert codes == [0] * count


@pytest.fixture(scope="session")
def system(trial: Trial) -> System:
    """The same system, for who needs no more of it."""
    return trial.system
