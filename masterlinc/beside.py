"""Work beside the main line: a task that runs as long as a block does."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_AGAIN_SECONDS = 1.0


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run `work` while the block runs; it has ended when the block is left. No transaction is open in it."""
    task = asyncio.create_task(work, name=name, context=contextvars.Context())
    try:
        yield
    finally:
        await end(task)


async def end(task: "asyncio.Task[None]") -> None:
    """Cancel a task until it has ended; raises what it raised.

    Once is not enough: a library may take the cancellation for one of its own time-outs, and go on.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)
    if not task.cancelled() and (fault := task.exception()) is not None:
        raise fault
