"""Answers as exact JSON: money is a number with two decimals."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar import MediaType
from litestar import Response as LitestarResponse

from masterlinc.wire import encode

T = TypeVar("T")


class Response(LitestarResponse[T]):
    """The application's response class."""

    def render(self, content: Any, media_type: str, enc_hook: Callable[[Any], Any] | None = None) -> bytes:
        """Return the content as bytes."""
        if isinstance(content, bytes):
            return content
        if media_type == MediaType.JSON:
            return encode(content)
        return super().render(content, media_type, *(() if enc_hook is None else (enc_hook,)))
