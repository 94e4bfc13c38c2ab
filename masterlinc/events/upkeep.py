"""What each process does for events beside the relay: replays, putting off what is blocked, the stream for outside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from masterlinc import redis_client
from masterlinc.beside import beside
from masterlinc.context import Services
from masterlinc.errors import StartupError, Unavailable
from masterlinc.events import dead_letters, replay
from masterlinc.events.stream import Stream
from masterlinc.observe.logs import logger
from masterlinc.settings import RedisSettings

_RETRY_SECONDS = 1.0
_PUT_OFF_SECONDS = 10.0


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Callable[[], None]]:
    """Do it as long as the block runs; yields what to call after a commit that published something."""
    if services.settings.redis.stream and not services.settings.redis.url:
        raise StartupError("redis.stream is set and redis.url is not: the stream for consumers outside needs a Redis")
    woken = asyncio.Event()
    poll = services.settings.engine.poll_seconds

    async with AsyncExitStack() as stack:
        replays = _keep_on("replay", lambda: replay.advance(services), lambda: _pause(poll))
        await stack.enter_async_context(beside(replays, "replay"))
        put_off = _keep_on("dead_letters", lambda: dead_letters.put_off(services), lambda: _pause(_PUT_OFF_SECONDS))
        await stack.enter_async_context(beside(put_off, "dead-letters"))
        if services.settings.redis.stream:
            stream = await stack.enter_async_context(_opened(services))
            steps = _keep_on("stream", stream.step, lambda: _wait(woken, poll))
            await stack.enter_async_context(beside(steps, "stream"))
        yield woken.set


def connect(settings: RedisSettings) -> Redis:
    """Return a client that writes the stream; it connects when it is used."""
    return redis_client.connect(settings.url, socket_timeout=5, socket_connect_timeout=2, decode_responses=True)


@asynccontextmanager
async def _opened(services: Services) -> AsyncIterator[Stream]:
    """A part in writing the stream; in the end another process may go on at once."""
    redis = connect(services.settings.redis)
    stream = Stream(services, redis)
    try:
        yield stream
    finally:
        with contextlib.suppress(Exception):  # its lease ends by itself
            await stream.give_up()
        await redis.aclose()


async def _keep_on(name: str, step: Callable[[], Awaitable[bool]], rest: Callable[[], Awaitable[None]]) -> None:
    """Do step after step, rest when there is nothing to do, and try again after a fault; told once an outage."""
    failed = False
    while True:
        try:
            more, failed = await step(), False
        except (RedisError, Unavailable, OSError) as fault:
            if not failed:
                logger.warning(f"{name}_waits", reason=str(fault))
            more, failed = False, True
        except Exception as fault:  # noqa: BLE001 - a lost connection, say: it goes on where it was
            if not failed:
                logger.fault(f"{name}_failed", fault)
            more, failed = False, True
        if failed:
            await asyncio.sleep(_RETRY_SECONDS)
        elif not more:
            await rest()


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    woken.clear()
