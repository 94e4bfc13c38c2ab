"""A pooled connection keeps nothing of the scope that it was lent for (case 155)."""

import asyncio
import random
from contextlib import suppress

import asyncpg
import pytest

from masterlinc.db.transaction import NO_ORGANIZATIONS, scope_literal
from masterlinc.errors import Unavailable

TURNS, TASKS = 10_000, 16
LOOK = "SELECT organization_id FROM masterlinc.message"
LEFT = f"SELECT coalesce(current_setting('masterlinc.orgs', true), ''), ARRAY({LOOK})"
ONE_CALL = "SELECT set_config('masterlinc.orgs', $1, true)"


class Fault(Exception):
    pass


async def seen(transaction):
    return {row[0] for row in await transaction.fetch(LOOK)}


async def turn(filled, organization, way):
    """Use a connection in a scope, and let go of it in one of the ways that there are."""
    scope = frozenset({organization})
    if way == "call":
        await filled.app.call(ONE_CALL, scope)
        return
    async with filled.app.transaction(scope) as transaction:
        assert await seen(transaction) == scope
        if way == "savepoint":
            other = filled.ours if organization == filled.theirs else filled.theirs
            with pytest.raises(Fault):
                async with filled.app.transaction(frozenset({other})):
                    assert await seen(transaction) == {other}
                    raise Fault
            assert await seen(transaction) == scope
        elif way == "error":
            with pytest.raises(asyncpg.DivisionByZeroError):
                await transaction.fetchval("SELECT 1 / 0")
            raise Fault
        elif way == "rollback":
            raise Fault
        elif way == "cancel":
            raise asyncio.CancelledError
        elif way == "nothing":
            async with filled.app.transaction(NO_ORGANIZATIONS):
                assert await seen(transaction) == set()


async def left(filled):
    """What the next user of a connection finds before it says its scope."""
    async with filled.app.connection() as connection:
        return tuple(await connection.fetchrow(LEFT))


async def test_155_ten_thousand_turns_leave_nothing_behind(filled):
    chance = random.Random(155)
    ways = chance.choices(
        ["commit", "rollback", "error", "savepoint", "nothing", "call", "cancel"], [60, 10, 10, 8, 6, 5, 1], k=TURNS
    )
    waiting, done = iter(enumerate(ways)), []

    async def work():
        for place, way in waiting:
            organization = (filled.ours, filled.theirs)[place % 2]
            with suppress(Fault, asyncio.CancelledError):
                await turn(filled, organization, way)
            assert await left(filled) == ("", []), way
            done.append(way)

    await asyncio.gather(*(work() for _ in range(TASKS)))
    assert len(done) == TURNS


async def test_a_request_that_is_cancelled_in_the_middle_of_a_query_leaves_nothing_behind(filled):
    async def hang():
        async with filled.app.transaction(frozenset({filled.ours})) as transaction:
            started.set()
            await transaction.fetchval("SELECT pg_sleep(30)")

    for _ in range(10):
        started = asyncio.Event()
        task = asyncio.create_task(hang())
        await started.wait()
        task.cancel()
        with pytest.raises((asyncio.CancelledError, Unavailable)):
            await task
        for _ in range(10):  # more than the pool has
            assert await left(filled) == ("", [])


def test_the_set_that_a_scope_is_written_as_cannot_carry_sql(filled):
    assert scope_literal([filled.ours]) == "{" + str(filled.ours) + "}"
    assert scope_literal([]) == "{}"
