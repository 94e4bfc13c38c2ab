"""One id for all that a request causes: the caller's (W3C traceparent) or a new one."""

import re
import secrets
from collections.abc import Iterable
from typing import Any

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id(scope: Any) -> str:
    """Return the trace id of a request; the same one for as long as the request lives."""
    state: dict[str, Any] = scope["state"]
    known: str | None = state.get("trace_id")
    if known is None:
        known = state["trace_id"] = _sent(scope["headers"]) or secrets.token_hex(16)
    return known


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent":
            match = _TRACEPARENT.fullmatch(value)
            return match[1].decode() if match else ""
    return ""
