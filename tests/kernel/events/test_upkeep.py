"""The work beside the relay goes on by itself, through faults, and ends with the process."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from masterlinc.errors import StartupError, Unavailable
from masterlinc.events import replay, subscriptions, upkeep

PATIENCE = 30
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


async def test_a_replay_goes_on_in_a_process_that_serves(kernel, toy):
    services = await kernel(toy.agent())
    services.settings.engine.poll_seconds = 0.005
    await subscriptions.register(services)
    await toy.publish(services, [1, 2])
    await toy.work(services)
    async with services.db.transaction() as transaction:
        asked = await replay.ask(transaction, "toy.count", EPOCH, organizations=None, asked_by=None)
    async with asyncio.timeout(PATIENCE), upkeep.running(services):
        while not (await replay.progress(services, asked)).finished:
            await asyncio.sleep(0.005)
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 1, 2]


async def test_it_tries_again_after_a_fault_and_tells_of_it_once(monkeypatch, caplog):
    monkeypatch.setattr(upkeep, "_RETRY_SECONDS", 0.001)
    faults = [Unavailable("away"), Unavailable("away"), RuntimeError("broken"), None, RuntimeError("broken")]
    done = asyncio.Event()

    async def step() -> bool:
        if not faults:
            done.set()
            return False
        if (fault := faults.pop(0)) is not None:
            raise fault
        return True

    async with asyncio.timeout(PATIENCE):
        task = asyncio.ensure_future(upkeep._keep_on("toy", step, lambda: asyncio.sleep(0.001)))
        await done.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    told = [record.message for record in caplog.records if record.message.startswith("toy_")]
    assert told == ["toy_waits", "toy_failed"]


async def test_a_stream_without_a_redis_stops_the_start_in_one_line(kernel):
    services = await kernel()
    services.settings.redis.stream = "masterlinc:events"
    with pytest.raises(StartupError, match=r"redis\.url is not"):
        async with upkeep.running(services):
            raise AssertionError("it must not start")


async def test_it_may_end_before_it_has_begun(kernel):
    services, before = await kernel(), at_work()
    async with upkeep.running(services):
        assert at_work() == before + 2
    assert at_work() == before


def at_work() -> int:
    return sum("_keep_on" in repr(task.get_coro()) for task in asyncio.all_tasks())
