"""The counts that processes share, in Redis: one key a slot, added to and read in one round trip for many subjects.

Plain commands only (INCRBY, EXPIRE, MGET, SET), so that the server may forbid scripts.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from masterlinc.limits.bucket import KEPT
from masterlinc.limits.policy import SLOTS
from masterlinc.redis_client import connect
from masterlinc.secrets import Secret

PREFIX = "masterlinc:limit:"
EPOCH = PREFIX + "since"  # when this Redis began to count, in milliseconds


class Ask(Struct, frozen=True):
    """Permits to take for a subject's slot, or (fewer than none) to give back."""

    key: str
    slot: int
    permits: int
    seconds: int  # of the window


class Shared:
    """The connection; every call ends within its deadline, one way or another."""

    def __init__(self, url: Secret, milliseconds: int) -> None:
        self._deadline = milliseconds / 1000
        self._redis = connect(
            url,
            socket_timeout=self._deadline,
            socket_connect_timeout=self._deadline,
            retry=Retry(NoBackoff(), 0),  # who waits for a limit goes on without
            max_connections=2,
        )

    async def take(self, asks: Sequence[Ask], backs: Sequence[Ask], now: int) -> tuple[int, list[list[int]]]:
        """Add what is asked; returns since when Redis counts, and of each ask the slots' totals, the oldest first."""
        pipe: Any  # its commands answer the pipeline itself, whatever their types say
        async with asyncio.timeout(self._deadline), self._redis.pipeline(transaction=True) as pipe:
            for back in backs:
                _add(pipe, back)
            pipe.set(EPOCH, now, nx=True)
            pipe.get(EPOCH)
            for ask in asks:
                _add(pipe, ask)
                pipe.mget([f"{ask.key}:{slot}" for slot in range(ask.slot - KEPT + 1, ask.slot + 1)])
            answers = (await pipe.execute())[2 * len(backs) + 1 :]
        return int(answers[0]), [[max(0, int(uses or 0)) for uses in found] for found in answers[3::3]]

    async def close(self) -> None:
        """Let the connection go."""
        await self._redis.aclose()


def _add(pipe: Any, ask: Ask) -> None:
    key = f"{ask.key}:{ask.slot}"
    pipe.incrby(key, ask.permits)
    pipe.expire(key, ask.seconds + 2 * ask.seconds // SLOTS + 1)
