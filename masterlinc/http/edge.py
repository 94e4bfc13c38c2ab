"""The outermost layer: trace id, bounded body, headers on every answer, one log line a request."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from masterlinc.http.body import BoundedBody
from masterlinc.http.headers import complete, security_headers
from masterlinc.http.trace import trace_id
from masterlinc.settings import HttpSettings

Seen = Callable[[Any, int, float], None]  # scope, status, seconds


class Edge:
    """Wraps a whole ASGI application; `seen` is told of every request when its answer begins."""

    __slots__ = ("_always", "_app", "_seconds", "_seen", "_max_bytes")

    def __init__(self, app: Any, settings: HttpSettings, seen: Seen | None = None) -> None:
        self._app, self._seen = app, seen
        self._max_bytes, self._seconds = settings.max_body_bytes, settings.body_seconds
        self._always = security_headers(production=settings.production)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or pass a socket through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        always = (*self._always, (b"trace-id", trace_id(scope).encode()))
        seen, started = self._seen, perf_counter()

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = complete(list(message.get("headers", ())), always)
                if seen is not None:
                    seen(scope, message["status"], perf_counter() - started)
            await send(message)

        body = BoundedBody(scope, receive, max_bytes=self._max_bytes, seconds=self._seconds)
        await self._app(scope, body, answer)
