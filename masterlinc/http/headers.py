"""Headers that every answer carries, errors included."""

from collections.abc import Iterable

Headers = tuple[tuple[bytes, bytes], ...]

_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
# The documentation's page brings one inline script; everything else it loads comes from here.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_PRODUCTION: Headers = ((b"strict-transport-security", b"max-age=63072000; includeSubDomains"),)


def security_headers(*, production: bool) -> Headers:
    """Return the headers of every answer; a handler that needs another value sets its own."""
    return _ALWAYS + _PRODUCTION if production else _ALWAYS


def complete(sent: Iterable[tuple[bytes, bytes]], always: Headers, trace: str) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with the trace id, and with those of `always` that it lacks."""
    headers = [*sent, (b"trace-id", trace.encode())]
    names = {name for name, _ in headers}
    headers += [header for header in always if header[0] not in names]
    return headers
