import asyncio

from masterlinc.db.background import background
from masterlinc.errors import Unavailable

LONG = 20.0


async def hold(database, holding, until):
    async with database.transaction():
        holding.release()
        await until.wait()


async def nested(database, both):
    async with database.transaction() as outer, database.connection() as inner:
        await both.wait()  # each of them holds a part of what background work may have
        return await outer.fetchval("SELECT 1") + await inner.fetchval("SELECT 1")


async def test_background_work_leaves_connections_to_requests(open_database):
    database = await open_database(pool_size=3, acquire_seconds=LONG)
    holding, until = asyncio.Semaphore(0), asyncio.Event()
    places = asyncio.Semaphore(2)
    tasks = [asyncio.create_task(hold(database, holding, until), context=background(places)) for _ in range(10)]
    try:
        for _ in range(2):
            await holding.acquire()
        async with database.transaction() as transaction:  # a request's
            assert await transaction.fetchval("SELECT 1") == 1
        assert holding.locked()  # the third of them still waits
    finally:
        until.set()
        await asyncio.gather(*tasks)


async def test_a_request_may_have_them_all(open_database):
    database = await open_database(pool_size=3, acquire_seconds=LONG)
    holding, until = asyncio.Semaphore(0), asyncio.Event()
    tasks = [asyncio.create_task(hold(database, holding, until)) for _ in range(3)]
    for _ in range(3):
        await holding.acquire()
    until.set()
    assert await asyncio.gather(*tasks) == [None] * 3


async def test_work_that_holds_one_does_not_wait_for_another(open_database):
    database = await open_database(pool_size=4, acquire_seconds=LONG)
    both, places = asyncio.Barrier(2), asyncio.Semaphore(2)
    tasks = [asyncio.create_task(nested(database, both), context=background(places)) for _ in range(2)]
    assert await asyncio.gather(*tasks) == [2, 2]


async def test_a_place_is_given_back_after_a_fault(open_database):
    database = await open_database(pool_size=1, acquire_seconds=0.01)
    places = asyncio.Semaphore(1)

    async def fail():
        async with database.transaction() as transaction:
            await transaction.fetchval("SELECT 1 / 0")

    async def ask():
        async with database.transaction() as transaction:
            return await transaction.fetchval("SELECT 1")

    for _ in range(3):
        failing = asyncio.create_task(fail(), context=background(places))
        assert len(await asyncio.gather(failing, return_exceptions=True)) == 1
    assert await asyncio.create_task(ask(), context=background(places)) == 1


async def test_a_full_pool_is_still_told(open_database):
    database = await open_database(pool_size=1, acquire_seconds=0.01)
    async with database.transaction():

        async def ask():
            async with database.connection():
                pass

        asking = asyncio.create_task(ask(), context=background(asyncio.Semaphore(1)))
        (fault,) = await asyncio.gather(asking, return_exceptions=True)
    assert isinstance(fault, Unavailable)
