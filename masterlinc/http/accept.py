"""Whether a caller takes what a route answers (Accept): JSON, where the route names no other type."""

from functools import lru_cache
from typing import Any

from masterlinc.http.problems import NotAcceptable

OTHER_MEDIA = "other_media"  # opt of a route whose answers have types of their own, though it names none
_OURS = {"", "application/json"}
_WIDE = {b"*/*", b"application/*", b"*"}


def require_acceptable(scope: Any) -> None:
    """Raise NotAcceptable where a caller takes no JSON and the route has nothing else."""
    for name, value in scope["headers"]:
        if name == b"accept":
            handler = scope["route_handler"]
            if not _takes_json(value[:1_000]) and handler.media_type in _OURS and not handler.opt.get(OTHER_MEDIA):
                raise NotAcceptable
            return


@lru_cache(512)
def _takes_json(header: bytes) -> bool:
    named = dict(_range(part) for part in header.lower().split(b",") if part.strip())
    if not named:
        return True
    exact = named.get(b"application/json")
    if exact is not None:
        return exact
    return any(taken for media, taken in named.items() if media in _WIDE or media.endswith(b"json"))


def _range(part: bytes) -> tuple[bytes, bool]:
    """Return a media range, and whether its weight is more than zero."""
    media, *parameters = [piece.strip() for piece in part.split(b";")]
    weights = [
        value.strip() for key, _, value in (piece.partition(b"=") for piece in parameters) if key.strip() == b"q"
    ]
    return media, not any(weight and not weight.strip(b"0.") for weight in weights)
