"""A request's body arrives in time and within its size, or the request is refused."""

import asyncio
from typing import Any

from masterlinc.errors import DomainError, Malformed, TimedOut, TooLarge

_CLOSE = {"Connection": "close"}  # what was not read must not be taken for a next request
_TICK_SECONDS = 0.25


class Deadlines:
    """Cancels tasks that wait too long: one timer for all of them, so that a request pays for none of its own."""

    __slots__ = ("_loop", "_tick_seconds", "_ticking", "_waiting")

    def __init__(self, seconds: float) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._tick_seconds = min(_TICK_SECONDS, seconds)
        self._ticking = False

    def now(self) -> float:
        """Return the loop's time; a new loop begins with nothing waiting."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._ticking = loop, {}, False
        return loop.time()

    def begin(self, at: float) -> "asyncio.Task[Any]":
        """Cancel the current task unless it ends its wait before `at`."""
        task = asyncio.current_task()
        assert task is not None, "requests are served in tasks"
        self._waiting[task] = at
        if not self._ticking:
            self._tick_later()
        return task

    def end(self, task: "asyncio.Task[Any]") -> bool:
        """End a wait; False when it was cut."""
        return self._waiting.pop(task, None) is not None

    def _tick_later(self) -> None:
        self._ticking = True
        asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        for task in [task for task, at in self._waiting.items() if at <= now]:
            del self._waiting[task]
            task.cancel()
        self._ticking = False
        if self._waiting:
            self._tick_later()


class BoundedBody:
    """An ASGI `receive` with a deadline for the whole body, and a limit that is counted while it arrives."""

    __slots__ = ("_complete", "_deadline", "_deadlines", "_max_bytes", "_read", "_receive", "_scope", "_seconds")

    def __init__(self, scope: Any, receive: Any, deadlines: Deadlines, *, max_bytes: int, seconds: float) -> None:
        self._scope, self._receive, self._deadlines = scope, receive, deadlines
        self._max_bytes, self._seconds = max_bytes, seconds
        self._read, self._complete = 0, False
        self._deadline = 0.0

    async def __call__(self) -> Any:
        """Return the next message; raises TooLarge, TimedOut, or Malformed when the client went away."""
        if self._complete:
            return await self._receive()
        now = self._deadlines.now()
        if not self._deadline:
            self._check_announced()
            self._deadline = now + self._seconds
        task = self._deadlines.begin(self._deadline)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if self._deadlines.end(task) or task.uncancel() > 0:
                raise  # somebody else cancelled the request
            raise self._timed_out() from None
        except BaseException:
            self._deadlines.end(task)
            raise
        self._deadlines.end(task)
        return self._count(message)

    def _count(self, message: Any) -> Any:
        if message["type"] == "http.disconnect":
            raise Malformed("The connection ended before the body was complete", "انقطع الاتصال قبل اكتمال الطلب")
        self._read += len(message.get("body") or b"")
        if self._read > self._max_bytes:
            raise self._too_large()
        self._complete = not message.get("more_body", False)
        return message

    def _check_announced(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    raise Malformed("Content-Length is not a number", "قيمة Content-Length ليست رقماً", headers=_CLOSE)
                if len(value) > 18 or int(value) > self._max_bytes:  # noqa: PLR2004 - longer than any size
                    raise self._too_large()

    def _too_large(self) -> DomainError:
        return TooLarge(
            f"The body is larger than {self._max_bytes:,} bytes",
            f"حجم الطلب يتجاوز {self._max_bytes:,} بايت",
            headers=_CLOSE,
        )

    def _timed_out(self) -> DomainError:
        return TimedOut(
            f"The body did not arrive within {self._seconds:g} seconds",
            f"لم يصل محتوى الطلب خلال {self._seconds:g} ثانية",
            headers=_CLOSE,
        )
