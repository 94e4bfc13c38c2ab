"""One id for all that a request causes: the caller's (W3C traceparent) or a new one."""

import re
import secrets
from collections.abc import Iterable
from typing import Any

_KEY = "masterlinc.trace_id"
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id(scope: Any) -> str:
    """Return the trace id of a request; the same one for as long as the request lives."""
    known = scope.get(_KEY)
    if known is None:
        known = scope[_KEY] = _sent(scope["headers"]) or secrets.token_hex(16)
    return str(known)


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent":
            match = _TRACEPARENT.fullmatch(value)
            return match[1].decode() if match else ""
    return ""
