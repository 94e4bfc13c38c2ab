"""The one way to a Redis: its address is a secret that may change while the process runs."""

import asyncio
from typing import Any

from redis.asyncio import ConnectionPool, Redis

from masterlinc.secrets import Secret


def connect(url: Secret, **options: Any) -> Redis:
    """Return a client that connects when it is used, and goes where the address says when that changes."""
    redis = Redis.from_url(url.reveal(), **options)
    leaving: set[asyncio.Task[None]] = set()

    def move() -> None:
        old, redis.connection_pool = redis.connection_pool, ConnectionPool.from_url(url.reveal(), **options)
        task = asyncio.get_running_loop().create_task(old.disconnect())
        leaving.add(task)
        task.add_done_callback(leaving.discard)

    url.on_change(move)
    return redis
