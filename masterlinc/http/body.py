"""A request's body arrives in time and within its size, or the request is refused."""

import asyncio
from typing import Any

from masterlinc.errors import DomainError, Malformed, TimedOut, TooLarge

_CLOSE = {"Connection": "close"}  # what was not read must not be taken for a next request


class BoundedBody:
    """An ASGI `receive` with a deadline for the whole body, and a limit that is counted while it arrives."""

    __slots__ = ("_complete", "_deadline", "_max_bytes", "_read", "_receive", "_scope", "_seconds")

    def __init__(self, scope: Any, receive: Any, *, max_bytes: int, seconds: float) -> None:
        self._scope, self._receive = scope, receive
        self._max_bytes, self._seconds = max_bytes, seconds
        self._read, self._complete = 0, False
        self._deadline: float | None = None

    async def __call__(self) -> Any:
        """Return the next message; raises TooLarge, TimedOut, or Malformed when the client went away."""
        if self._complete:
            return await self._receive()
        if self._deadline is None:
            self._check_announced()
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise TimedOut(
                f"The body did not arrive within {self._seconds:g} seconds",
                f"لم يصل محتوى الطلب خلال {self._seconds:g} ثانية",
                headers=_CLOSE,
            ) from None
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
