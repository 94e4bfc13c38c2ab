"""Bytes to a tree and back; numbers keep the text that they were sent as."""

from typing import Any

import msgspec

from masterlinc import wire
from nphieslinc.errors import NotJson

_MAX_DEPTH = 64  # a poll answer with a nested bundle stays under 30

Tree = dict[str, Any]


class Number(str):
    """A JSON number with a point or an exponent, as its text: never a float."""

    __slots__ = ()


def parse(data: bytes) -> Tree:
    """Read one JSON object; raises a DomainError for what is too large, too deep, ambiguous or no JSON."""
    wire.guard(data, max_depth=_MAX_DEPTH)
    tree = _decoder.decode(data)
    if not isinstance(tree, dict):
        raise NotJson("the message must be one JSON object", "يجب أن تكون الرسالة كائن JSON واحداً")
    return tree


def write(tree: Tree) -> bytes:
    """Write a message; numbers that were read stand as they came."""
    return wire.encode(_written(tree))


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_written(inner) for inner in value]
    return msgspec.Raw(value.encode()) if isinstance(value, Number) else value


_decoder = msgspec.json.Decoder(float_hook=Number)
