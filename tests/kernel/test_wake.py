import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from redis.asyncio import Redis

from masterlinc import wake
from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.dispatch import Dispatcher
from masterlinc.events import subscriptions
from masterlinc.ids import new_id
from masterlinc.settings import RedisSettings, RedisUrl
from masterlinc.testing_servers import start_valkey
from masterlinc.wake import CHANNEL, listen

PATIENCE = 10  # seconds until a test gives up


class Bell:
    """Counts how often it was rung, and lets a test wait for it."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        self._rung.set()

    async def heard(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._rung.wait()
        self._rung.clear()


@asynccontextmanager
async def process(url: str):
    """A process that listens: its own bell, and what it calls after a commit."""
    bell = Bell()
    before = await listeners(url) if url else 0
    async with listen(RedisSettings(url=RedisUrl(url)), bell) as ring:
        async with asyncio.timeout(PATIENCE):
            while url and await listeners(url) == before:
                await asyncio.sleep(0)
        yield bell, ring


async def listeners(url: str) -> int:
    async with Redis.from_url(url) as redis:
        return dict(await redis.pubsub_numsub(CHANNEL))[CHANNEL.encode()]


async def test_without_redis_a_commit_wakes_this_process():
    async with process("") as (bell, ring):
        ring()
        assert bell.count == 1


async def test_a_commit_wakes_this_process_at_once_and_the_others_through_redis(valkey):
    async with process(valkey.url) as (here, ring), process(valkey.url) as (there, _):
        ring()
        assert here.count == 1
        await there.heard()


async def test_each_of_two_processes_wakes_the_other(valkey):
    async with process(valkey.url) as (here, ring_here), process(valkey.url) as (there, ring_there):
        ring_here()
        await there.heard()
        await here.heard()
        ring_there()
        await here.heard()
        await there.heard()
        assert here.count >= 2
        assert there.count >= 2


async def test_many_commits_ring_few_times(valkey):
    async with process(valkey.url) as (_, ring), process(valkey.url) as (there, _ring):
        for _ in range(500):
            ring()
        await there.heard()
        async with Redis.from_url(valkey.url) as redis:
            await redis.publish(CHANNEL, b"")
        await there.heard()
        assert there.count < 50


async def test_when_redis_is_gone_this_process_is_woken_all_the_same(tmp_path):
    server = start_valkey(tmp_path)
    async with process(server.url) as (bell, ring):
        server.stop()
        for _ in range(3):
            ring()
            await bell.heard()
        assert bell.count == 3


async def test_when_redis_never_was_there_this_process_is_woken_all_the_same(tmp_path):
    bell = Bell()
    async with listen(RedisSettings(url=RedisUrl(f"unix://{tmp_path}/nothing")), bell) as ring:
        ring()
        assert bell.count == 1


async def test_when_redis_comes_back_the_others_are_woken_again(tmp_path, monkeypatch):
    monkeypatch.setattr(wake, "_RETRY_SECONDS", 0.01)
    server = start_valkey(tmp_path)
    place = Path(server.url.removeprefix("unix://")).parent
    bells = Bell()
    async with listen(RedisSettings(url=RedisUrl(server.url)), bells) as ring:
        ring()
        await bells.heard()
        server.stop()
        again = start_valkey(tmp_path, place)
        try:
            async with asyncio.timeout(PATIENCE):
                while await listeners(server.url) == 0:
                    await asyncio.sleep(0.01)
            async with Redis.from_url(server.url) as redis:
                await redis.publish(CHANNEL, b"")
            await bells.heard()
            assert bells.count >= 2
        finally:
            again.stop()


async def test_the_end_takes_no_longer_when_redis_is_gone(tmp_path):
    server = start_valkey(tmp_path)
    async with asyncio.timeout(PATIENCE):
        async with process(server.url) as (_, ring):
            server.stop()
            ring()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "wake-listener"]


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


@asynccontextmanager
async def dispatcher_of(services: Services, url: str):
    """The dispatcher of a process, as the runtime starts it."""
    dispatcher = Dispatcher(services)
    async with listen(RedisSettings(url=RedisUrl(url)), dispatcher.wake) as ring:
        services.after_commit = services.db.after_commit = ring
        await dispatcher.start()
        try:
            yield
        finally:
            await dispatcher.stop()


@asynccontextmanager
async def front_and_back(kernel, new_database, url: str, poll: float):
    """Two processes over one database: the one commits, the other does the work and rings the bell."""
    bell, urls, organization = Bell(), await new_database(), new_id()

    async def run(ctx: Context, event: ToyMade) -> None:
        bell()

    toy = Agent("toy", "Toy", "لعبة", "1", ">=0.1", subscribes=(Subscription("count", ToyMade, run),))
    front, back = [await kernel(toy, urls=urls) for _ in range(2)]
    for services in (front, back):
        services.settings.engine.poll_seconds = poll
    front.served = frozenset({"another"})
    await subscriptions.register(back)

    async def commit() -> None:
        async with front.db.transaction() as transaction:
            transaction.publish(ToyMade(1), aggregate=new_id(), organization_id=organization)

    before = await listeners(url)
    async with dispatcher_of(front, url), dispatcher_of(back, url):
        async with asyncio.timeout(PATIENCE):
            while await listeners(url) < before + 2:
                await asyncio.sleep(0)
        yield commit, bell


async def test_a_commit_here_is_worked_on_there_without_the_poll(kernel, new_database, valkey):
    async with front_and_back(kernel, new_database, valkey.url, poll=3600) as (commit, bell):
        for count in (1, 2, 3):
            await commit()
            await bell.heard()
            assert bell.count == count


async def test_when_redis_is_killed_the_poll_still_finds_the_work(kernel, new_database, tmp_path):
    server = start_valkey(tmp_path)
    async with front_and_back(kernel, new_database, server.url, poll=0.05) as (commit, bell):
        server.stop()
        await commit()
        await bell.heard()
        assert bell.count == 1
