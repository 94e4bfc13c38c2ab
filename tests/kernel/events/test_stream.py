"""The stream for consumers outside, on a real Valkey: everything comes, in order, whatever is lost or killed."""

import asyncio
import contextvars
import json
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from masterlinc.events import stream as module
from masterlinc.events import upkeep
from masterlinc.events.stream import Stream
from masterlinc.ids import new_id
from masterlinc.settings import RedisUrl
from masterlinc.testing_servers import start_valkey

PATIENCE = 30


@pytest_asyncio.fixture(loop_scope="session")
async def place(kernel, toy, new_database, valkey):
    """A stream of the test's own: makes processes that write it, and reads what is in it."""
    urls, name = await new_database(), f"test:{new_id().hex}"
    redis = Redis.from_url(valkey.url, decode_responses=True)

    async def process(url: str = valkey.url, *, length: int = 1000, lease_seconds: float = 30.0):
        services = await kernel(urls=urls, lease_seconds=lease_seconds)
        services.settings.redis.url, services.settings.redis.stream = RedisUrl(url), name
        services.settings.redis.stream_length = length
        return services

    async def numbers() -> list[int]:
        return [json.loads(fields["payload"])["number"] for _, fields in await redis.xrange(name)]

    try:
        yield SimpleNamespace(process=process, numbers=numbers, redis=redis, name=name, urls=urls)
    finally:
        await redis.delete(name)
        await redis.aclose()


@asynccontextmanager
async def writer(services):
    redis = upkeep.connect(services.settings.redis)
    try:
        yield Stream(services, redis)
    finally:
        await redis.aclose()


async def to_its_end(stream: Stream) -> None:
    while await stream.step():
        pass


async def look_anew(stream: Stream) -> None:
    """What an idle process does every half lease: it renews the lease and asks Redis whether all is there."""
    stream._look_at = 0.0
    await to_its_end(stream)


async def test_events_come_in_the_order_of_commits_with_their_fields(place, toy):
    services, aggregate = await place.process(), new_id()
    await toy.publish(services, range(3), aggregate=aggregate)
    async with writer(services) as stream:
        await to_its_end(stream)
    assert await place.numbers() == [0, 1, 2]
    async with services.db.transaction() as transaction:
        events = await transaction.fetch("SELECT * FROM masterlinc.event ORDER BY aggregate_seq")
    for place_in_it, ((_, fields), event) in enumerate(
        zip(await place.redis.xrange(place.name), events, strict=True), start=1
    ):
        assert list(fields) == list(module.FIELDS)
        assert (fields["id"], fields["name"]) == (str(event["id"]), "toy.toy_made.v1")
        assert (fields["organization_id"], fields["aggregate"]) == (str(toy.organization), str(aggregate))
        assert fields["aggregate_seq"] == str(place_in_it)
        assert datetime.fromisoformat(fields["created_at"]) == event["created_at"]
        assert json.loads(fields["payload"]) == {"type": "toy.toy_made.v1", "number": place_in_it - 1}


async def test_it_goes_on_where_it_was(place, toy, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    services = await place.process()
    async with writer(services) as stream:
        for numbers in (range(3), range(3, 7), range(7, 8)):
            await toy.publish(services, numbers)
            await to_its_end(stream)
    async with writer(await place.process(lease_seconds=0.001)) as after:
        await toy.publish(services, [8])
        async with asyncio.timeout(PATIENCE):
            while await place.redis.xlen(place.name) < 9:
                await release(services)
                await look_anew(after)
    assert await place.numbers() == list(range(9))


async def release(services) -> None:
    """The lease of the process before has ended."""
    async with services.db.transaction() as transaction:
        await transaction.execute("UPDATE masterlinc.stream SET leased_until = now() - interval '1 second'")


async def test_one_process_at_a_time_writes(place, toy):
    first, second = await place.process(), await place.process()
    async with writer(first) as one, writer(second) as other:
        await toy.publish(first, [0])
        await to_its_end(one)
        await toy.publish(first, [1])
        await to_its_end(other)
        assert await place.numbers() == [0]
        await one.give_up()
        await look_anew(other)
    assert await place.numbers() == [0, 1]


async def test_a_transaction_that_is_open_holds_back_what_comes_after_it(place, toy):
    services = await place.process()
    async with services.db.connection() as connection:
        await connection.execute("BEGIN; SELECT pg_current_xact_id()")
        await toy.publish(services, [1])
        async with writer(services) as stream:
            await to_its_end(stream)
            assert await place.numbers() == []
            await connection.execute("COMMIT")
            await to_its_end(stream)
    assert await place.numbers() == [1]


async def test_killed_after_writing_and_before_writing_it_down_it_goes_on_without_loss(place, toy, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    services = await place.process()
    await toy.publish(services, range(2))
    async with writer(services) as stream:
        await to_its_end(stream)
        await toy.publish(services, range(2, 7))
        stream._keep = killed
        with pytest.raises(KilledError):
            await stream.step()
        assert await place.numbers() == [0, 1, 2, 3]
    await release(services)
    async with writer(await place.process()) as after:
        await to_its_end(after)
    assert await place.numbers() == list(range(7))


class KilledError(Exception):
    pass


async def killed(*_: object) -> bool:
    raise KilledError


async def test_a_process_that_slept_over_its_lease_cannot_write_in_between(place, toy):
    """It wakes after it has read and before it writes, when another one has gone on."""
    first, second = await place.process(), await place.process()
    await toy.publish(first, [0])
    async with writer(first) as one, writer(second) as other:
        await to_its_end(one)
        await toy.publish(first, [1, 2])
        read = one._read

        async def slept(where):
            events = await read(where)
            one._read = read
            await release(first)
            await to_its_end(other)
            return events

        one._read = slept
        await one.step()
        assert await place.numbers() == [0, 1, 2]
        await toy.publish(first, [3])
        await to_its_end(one)
        await to_its_end(other)
        await to_its_end(other)
    assert await place.numbers() == [0, 1, 2, 3]


async def test_a_former_writer_cannot_change_what_is_written_down(place, toy):
    first, second = await place.process(), await place.process()
    await toy.publish(first, [0])
    async with writer(first) as one, writer(second) as other:
        await to_its_end(one)
        former = one._turn
        await release(first)
        await toy.publish(first, [1])
        await to_its_end(other)
        assert not await one._keep(former, 1)
        assert one._turn is None
    async with first.db.transaction() as transaction:
        assert await transaction.fetchval("SELECT sent FROM masterlinc.stream") == 2


async def test_processes_that_race_for_the_lease_write_everything_once_and_in_order(place, toy, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    processes = [await place.process(lease_seconds=0.01) for _ in range(3)]
    await toy.publish(processes[0], range(10))
    done = asyncio.Event()

    async def race(services) -> None:
        async with writer(services) as stream:
            while not done.is_set():
                await stream.step()
                await release(services)

    def beside(work):
        return asyncio.get_running_loop().create_task(work, context=contextvars.Context())

    async with asyncio.timeout(PATIENCE):
        racing = [beside(race(services)) for services in processes]
        await beside(toy.publish(processes[0], range(10, 60)))
        while await place.redis.xlen(place.name) < 60:
            await asyncio.sleep(0.005)
        done.set()
        await asyncio.gather(*racing)
    assert await place.numbers() == list(range(60))


async def test_what_redis_lost_is_written_again(place, toy):
    services = await place.process()
    await toy.publish(services, range(5))
    async with writer(services) as stream:
        await to_its_end(stream)
        await place.redis.delete(place.name)
        await look_anew(stream)
        assert await place.numbers() == list(range(5))
        await place.redis.delete(place.name)
        await toy.publish(services, [5])
        await to_its_end(stream)
    assert await place.numbers() == list(range(6))


async def test_it_is_filled_again_with_as_many_as_it_holds(place, toy):
    services = await place.process(length=3)
    await toy.publish(services, range(10))
    async with writer(services) as stream:
        await to_its_end(stream)
        await place.redis.delete(place.name)
        await look_anew(stream)
    assert await place.numbers() == [7, 8, 9]


async def test_when_redis_comes_back_with_an_older_state_the_rest_is_written_again(place, toy):
    """As after a failover to a replica that lacked the last entries."""
    services = await place.process()
    await toy.publish(services, range(3))
    async with writer(services) as stream:
        await to_its_end(stream)
        older = await place.redis.copy(place.name, f"{place.name}:older")
        assert older
        await toy.publish(services, range(3, 6))
        await to_its_end(stream)
        await place.redis.rename(f"{place.name}:older", place.name)
        await toy.publish(services, [6])
        await to_its_end(stream)
    assert await place.numbers() == list(range(7))


async def test_consumers_may_remove_what_they_have_read(place, toy):
    services = await place.process()
    await toy.publish(services, range(3))
    async with writer(services) as stream:
        await to_its_end(stream)
        await place.redis.xtrim(place.name, maxlen=0)
        await look_anew(stream)
        assert await place.numbers() == []
        await toy.publish(services, [3])
        await to_its_end(stream)
    assert await place.numbers() == [3]


async def test_the_cursor_may_be_lost_where_redis_still_has_the_entries(place, toy):
    """As after PostgreSQL was put back from a copy that was made before the stream was turned on."""
    services = await place.process()
    await toy.publish(services, range(3))
    async with writer(services) as stream:
        await to_its_end(stream)
    async with services.db.transaction() as transaction:
        await transaction.execute(
            "UPDATE masterlinc.stream SET entry = '', at_xid = '0', at_seq = 0, fence = fence + 1"
        )
    await release(services)
    await toy.publish(services, [3])
    async with writer(services) as stream:
        await to_its_end(stream)
    assert await place.numbers() == list(range(4))


async def test_somebody_else_s_entry_does_no_harm(place, toy):
    services = await place.process()
    await toy.publish(services, [0])
    async with writer(services) as stream:
        await to_its_end(stream)
        await place.redis.xadd(place.name, {"id": "mine", "payload": '{"number": 99}'})
        await toy.publish(services, [1])
        await to_its_end(stream)
    assert await place.numbers() == [0, 99, 1]


async def test_who_writes_between_the_look_and_the_write_is_seen(place, toy, monkeypatch):
    services, last = await place.process(), Stream._last
    await toy.publish(services, [0, 1])

    async def last_and_another(self, redis):
        found = await last(self, redis)
        monkeypatch.setattr(Stream, "_last", last)
        await place.redis.xadd(place.name, {"id": "mine", "payload": '{"number": 99}'})
        return found

    async with writer(services) as stream:
        monkeypatch.setattr(Stream, "_last", last_and_another)
        await to_its_end(stream)
    assert await place.numbers() == [99, 0, 1]


async def test_it_holds_about_as_many_as_it_may(place, toy):
    services = await place.process(length=100)
    async with services.db.transaction() as transaction:
        for number in range(700):
            transaction.publish(toy.event(number), aggregate=toy.organization, organization_id=toy.organization)
    async with writer(services) as stream:
        await to_its_end(stream)
    assert 100 <= await place.redis.xlen(place.name) < 300
    assert (await place.numbers())[-1] == 699


async def test_while_redis_is_away_nothing_is_lost_and_another_may_try(place, toy, tmp_path):
    server = start_valkey(tmp_path)
    services = await place.process(server.url)
    async with writer(services) as stream, writer(await place.process()) as other:
        await toy.publish(services, [0])
        await to_its_end(stream)
        server.stop()
        await toy.publish(services, [1])
        with pytest.raises((RedisError, OSError)):
            await stream.step()
        await to_its_end(other)  # it reaches another Redis, which is empty
    assert await place.numbers() == [0, 1]


async def test_a_process_writes_it_by_itself_and_survives_that_redis_restarts(place, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep, "_RETRY_SECONDS", 0.01)
    server = start_valkey(tmp_path)
    folder = Path(server.url.removeprefix("unix://")).parent
    services = await place.process(server.url)
    services.settings.engine.poll_seconds = 3600
    async with asyncio.timeout(PATIENCE), upkeep.running(services) as wake:
        await toy.publish(services, [0])
        wake()
        await length(server.url, place.name, 1)
        server.stop()
        await toy.publish(services, [1])
        wake()
        again = start_valkey(tmp_path, folder)
        try:
            assert await length(server.url, place.name, 2) == 2  # it was empty and is filled again
        finally:
            again.stop()


async def length(url: str, name: str, wanted: int) -> int:
    async with Redis.from_url(url) as redis:
        while (found := await redis.xlen(name)) < wanted:
            await asyncio.sleep(0.01)
    return found


async def stands(services):
    async with services.db.transaction() as transaction:
        return await transaction.fetchrow(
            "SELECT lease_owner, leased_until < now() AS free, sent FROM masterlinc.stream"
        )


async def test_the_last_one_gives_its_lease_up(place, toy):
    services = await place.process()
    await toy.publish(services, [0])
    async with asyncio.timeout(PATIENCE):
        async with upkeep.running(services):
            while not (row := await stands(services)) or not row["sent"]:  # written down after it was sent
                await asyncio.sleep(0.005)
    assert tuple(await stands(services)) == (None, True, 1)
    assert len(await place.numbers()) == 1


async def test_without_a_name_there_is_no_stream(kernel, toy):
    services = await kernel()
    async with upkeep.running(services) as wake:
        wake()
        await toy.publish(services, [0])
    async with services.db.transaction() as transaction:
        assert await transaction.fetchval("SELECT count(*) FROM masterlinc.stream") == 0
