"""kill -9 of random processes at random moments: what was acknowledged is there once, decided once, and paid once."""

import asyncio
import os
import random
from collections.abc import AsyncIterator

import pytest_asyncio
from harness import PATIENTS, System, new_folder
from sending import settle, submit

from authlinc.demo import _USERS

CLAIMS, ROUNDS = 30, 2
WORDS_OF_A_FIRST_START = ("PostgreSQL", "database brought", "organizations")


async def test_no_claim_is_lost_or_doubled_by_kills(system: System) -> None:
    chance = random.Random(os.urandom(8).hex())
    async with system.client() as client:
        for turn in range(ROUNDS):
            numbers = [f"K{turn}-{n}" for n in range(CLAIMS)]
            sending = [asyncio.create_task(submit(client, system, number)) for number in numbers]
            wanted = chance.randrange(CLAIMS)  # any moment will do: this is what is tried
            while sum(one.done() for one in sending) < wanted:
                await asyncio.sleep(0.005)
            victims = chance.sample(system.names, chance.randint(1, min(3, len(system.names))))
            await system.kill(*victims)
            await asyncio.gather(*sending)
            await system.start(*victims)
        before = dict(system.journal.acknowledged)
        for number in before:  # what a client sends again although it was answered is the same claim
            assert await submit(client, system, number)
        assert system.journal.acknowledged == before
        await settle(client, system)
    await system.check()


@pytest_asyncio.fixture(loop_scope="session")
async def new_system() -> AsyncIterator[System]:
    with new_folder() as folder:
        one = System(folder, "one")
        await one.prepare()
        try:
            yield one
        finally:
            await one.end()


async def test_a_first_start_that_is_killed_is_taken_over_by_the_next(new_system: System) -> None:
    system = new_system
    for word in WORDS_OF_A_FIRST_START:
        await system.start("up", ready=False)
        await system.until_said("up", word)
        await system.kill("up")
    await system.start("up")
    async with system.client() as client:
        assert (await client.get("/patients")).json()["total"] == PATIENTS
    async with system.database() as connection:
        doubled = "SELECT count(*) - count(DISTINCT value) FROM authlinc.organization_license"
        assert await connection.fetchval(doubled) == 0
        assert await connection.fetchval("SELECT count(*) FROM authlinc.user_account") == len(_USERS)
        members = "SELECT count(*) FROM policylinc.member WHERE NOT enrolled_by_simulator"
        assert await connection.fetchval(members) == PATIENTS
    assert (await system.stop("up"))[0] == 0
