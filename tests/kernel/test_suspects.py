"""The turn of one suspect at a time."""

import asyncio

import pytest

from masterlinc.suspects import Suspects


async def test_suspects_have_their_turns_one_after_the_other() -> None:
    suspects, inside, most = Suspects(), 0, 0

    async def turn() -> None:
        nonlocal inside, most
        async with suspects.alone():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(turn() for _ in range(20)))
    assert most == 1


async def test_one_that_lives_long_holds_nobody_up() -> None:
    suspects, ended = Suspects(0.01), asyncio.Event()

    async def long() -> None:
        async with suspects.alone():
            await ended.wait()

    living = asyncio.create_task(long())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        async with Suspects().alone(), suspects.alone():
            assert not living.done()
            ended.set()
            await living
        async with suspects.alone():
            pass


async def test_who_lost_the_turn_does_not_give_away_that_of_another() -> None:
    suspects, first_ends = Suspects(0.01), asyncio.Event()

    async def first() -> None:
        async with suspects.alone():
            await first_ends.wait()

    long = asyncio.create_task(first())
    await asyncio.sleep(0)
    suspects.seconds = 60
    async with asyncio.timeout(10), suspects.alone():
        first_ends.set()
        await long
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001), suspects.alone():
                pass


async def test_a_suspect_that_fails_gives_its_turn_away() -> None:
    suspects = Suspects()
    with pytest.raises(ValueError, match="wrong"):
        async with suspects.alone():
            raise ValueError("wrong")
    async with asyncio.timeout(10), suspects.alone():
        pass
