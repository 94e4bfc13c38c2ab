"""Group commit: what many coroutines want written goes to PostgreSQL in one statement, and each waits for its own."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batch(Generic[T, R]):
    """Collects items while the last write is on its way; a batch that fails is written again one by one."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], most: int) -> None:
        self._write, self._most = write, most
        self._left: list[tuple[T, asyncio.Future[R]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        """Write an item with whatever else there is; raises what its write raised."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._left.append((item, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain(), context=contextvars.Context())
        return await answer

    async def _drain(self) -> None:
        while self._left:
            items, self._left = self._left[: self._most], self._left[self._most :]
            await self._flush(items)

    async def _flush(self, items: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            answers = await self._write([item for item, _ in items])
        except Exception as fault:  # noqa: BLE001 - it belongs to whoever waits for it
            if len(items) == 1:
                _settle(items[0][1], fault)
                return
            for one in items:  # one bad item must not take the others with it
                await self._flush([one])
            return
        for (_, future), answer in zip(items, answers, strict=True):
            _settle(future, answer)


def _settle(future: "asyncio.Future[R]", answer: R | Exception) -> None:
    if future.done():  # its coroutine was cancelled meanwhile
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
