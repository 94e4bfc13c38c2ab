"""Bodies as the handler's own type: `data: Struct` is decoded exactly, straight from the bytes."""

from functools import lru_cache
from typing import Any

from litestar import Request as LitestarRequest
from litestar.connection.base import AuthT, StateT, UserT
from litestar.handlers.base import BaseRouteHandler
from litestar.types.empty import Empty

from masterlinc.errors import UnsupportedMedia
from masterlinc.wire import decode

_JSON = (b"application/json", b"application/json; charset=utf-8")


class Request(LitestarRequest[UserT, AuthT, StateT]):
    """The application's request class."""

    __slots__ = ()

    async def json(self) -> Any:
        """Return the body as the type that the handler's `data` asks for; once a request."""
        if self._json is Empty:
            kept = self._connection_state.json
            if kept is Empty:
                require_json(self.scope["headers"])
                kept = decode(await self.body(), _body_type(self.route_handler))
                self._connection_state.json = kept
            self._json = kept
        return self._json


def require_json(headers: list[tuple[bytes, bytes]] | Any) -> None:
    """Raise UnsupportedMedia unless the body is plain JSON in UTF-8."""
    sent = {name: value for name, value in headers if name in {b"content-type", b"content-encoding"}}
    kind = sent.get(b"content-type", b"").strip().lower()
    if kind not in _JSON and not _is_json(kind):
        raise UnsupportedMedia(
            "Send the body as application/json in UTF-8", "يجب إرسال الطلب بصيغة application/json وترميز UTF-8"
        )
    if sent.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise UnsupportedMedia("Send the body without Content-Encoding", "يجب إرسال الطلب دون ضغط (Content-Encoding)")


def _is_json(kind: bytes) -> bool:
    media, *parameters = [part.strip() for part in kind.split(b";")]
    main, _, sub = media.partition(b"/")
    if main != b"application" or (sub != b"json" and not sub.endswith(b"+json")):
        return False
    charsets = [part.partition(b"=")[2].strip(b' "') for part in parameters if part.startswith(b"charset")]
    return all(charset in {b"utf-8", b"utf8"} for charset in charsets)


@lru_cache(4096)
def _body_type(handler: BaseRouteHandler) -> Any:
    parameter = handler.parsed_fn_signature.parameters.get("data")
    return Any if parameter is None else parameter.annotation
