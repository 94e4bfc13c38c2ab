import asyncio
from contextlib import suppress

import pytest

from masterlinc import beside as module
from masterlinc.beside import beside, end


async def test_work_runs_as_long_as_the_block():
    begun = asyncio.Event()
    ended = False

    async def work():
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    async with beside(work(), "work"):
        await begun.wait()
        assert not ended
    assert ended


async def test_a_cancellation_that_is_lost_is_sent_again(monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)
    lost = 0

    async def work():
        nonlocal lost
        while lost < 3:
            with suppress(asyncio.CancelledError):  # as a library does that takes it for a time-out of its own
                await asyncio.Event().wait()
            lost += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()
    assert lost == 3


async def test_what_the_work_raised_is_raised():
    async def work():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async with beside(work(), "work"):
            await asyncio.sleep(0)


async def test_a_block_that_is_cancelled_ends_its_work():
    inside = asyncio.Event()
    running = []

    async def work():
        await asyncio.Event().wait()

    async def block():
        async with beside(work(), "inner-work"):
            running.extend(task for task in asyncio.all_tasks() if task.get_name() == "inner-work")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [one.cancelled() for one in running] == [True]
