"""Wakes other processes sooner, through Redis where there is one; without it they find the work by their poll."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from masterlinc.beside import end
from masterlinc.observe.logs import logger
from masterlinc.redis_client import connect
from masterlinc.settings import RedisSettings

CHANNEL = "masterlinc:wake"
_RETRY_SECONDS = 1.0


@asynccontextmanager
async def listen(settings: RedisSettings, wake: Callable[[], None]) -> AsyncIterator[Callable[[], None]]:
    """Yield what to call after a commit: it wakes this process at once and the others through Redis."""
    if not settings.url:
        yield wake
        return
    redis = connect(settings.url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15)
    bell = _Bell(redis, wake)
    listener = asyncio.create_task(bell.hear(), name="wake-listener")
    try:
        yield bell.ring
    finally:
        await end(listener)
        await bell.silence()
        await redis.aclose()


class _Bell:
    """Publishes one message for any number of commits that come while it is on its way."""

    def __init__(self, redis: Redis, wake: Callable[[], None]) -> None:
        self._redis, self._wake = redis, wake
        self._ringing: asyncio.Task[None] | None = None
        self._again = False
        self._lost = False

    def ring(self) -> None:
        self._wake()
        self._again = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._publish())

    async def silence(self) -> None:
        if self._ringing is not None:
            await self._ringing

    async def _publish(self) -> None:
        try:
            while self._again:  # a commit during the last publish needs one more
                self._again = False
                await self._redis.publish(CHANNEL, b"")
        except (RedisError, OSError) as fault:
            logger.warning("redis_wake_failed", reason=str(fault))

    async def hear(self) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    self._lost = False
                    while True:
                        if await channel.get_message(timeout=10) is not None:
                            self._wake()
            except (RedisError, OSError) as fault:
                if not self._lost:  # once an outage, not once a second
                    logger.warning("redis_wake_lost", reason=str(fault))
                self._lost = True
                await asyncio.sleep(_RETRY_SECONDS)
