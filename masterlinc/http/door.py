"""What is looked at before a request finds its route: the host that it names, and the page that it comes from.

Hosts and origins are compared whole. A page of an allowed origin may read answers; it brings its token itself, so
cookies are never let in.
"""

from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar

from masterlinc.errors import DomainError, Malformed, StartupError
from masterlinc.http import problems
from masterlinc.http.headers import Headers, complete, security_headers
from masterlinc.http.language import language
from masterlinc.http.trace import trace_id
from masterlinc.observe.requests import seen
from masterlinc.settings import HttpSettings
from masterlinc.wire import encode

_PROBES = "/health"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_ORIGIN, _METHOD, _ALLOW = b"origin", b"access-control-request-method", b"access-control-allow-origin"
_VARY = (b"vary", b"Origin")
_EXPOSED: Headers = (
    (
        b"access-control-expose-headers",
        b"ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, Trace-Id",
    ),
)
_PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent",
    ),
    (b"access-control-max-age", b"600"),
)


class HostRefused(Malformed):
    """The request names another host than ours, or none, or several."""

    code = "host-refused"
    title, title_ar = "This host is not served here", "هذا النظام غير متاح على هذا المضيف"


def check(settings: HttpSettings) -> None:
    """Raise StartupError where production lacks its address, or serves pages of the clear net."""
    if not settings.production:
        return
    if not settings.public_url.startswith("https://"):
        raise StartupError(
            "configuration: http.production = true needs http.public_url, the https:// address that users know"
        )
    clear = [origin for origin in settings.cors_origins if not origin.startswith("https://")]
    if clear:
        raise StartupError(f"configuration: http.cors_origins: {clear[0]} is not https://, as production asks")


def install_door(app: Litestar, settings: HttpSettings) -> None:
    """Put the door before an application's routes; where there is nothing to look at, none."""
    hosts = served_hosts(settings)
    if hosts:
        app.asgi_handler = _hosts_checked(app.asgi_handler, hosts, settings)
    if settings.cors_origins:
        app.asgi_handler = _shared_with(app.asgi_handler, frozenset(settings.cors_origins), settings)


def served_hosts(settings: HttpSettings) -> frozenset[str]:
    """Return the values of Host that are served; none stands for all."""
    if not settings.production and not settings.allowed_hosts:
        return frozenset()
    own = urlsplit(settings.public_url)
    return frozenset({*settings.allowed_hosts, own.netloc, own.netloc + _DEFAULT_PORTS.get(own.scheme, "")} - {""})


def _hosts_checked(app: Any, hosts: frozenset[str], settings: HttpSettings) -> Any:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        named = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        known = len(named) == 1 and named[0] in hosts
        if known or scope["path"].startswith(_PROBES):  # a probe names the address that it knows
            await app(scope, receive, send)
        else:
            await _refuse(scope, send, HostRefused(), settings)

    return serve


def _shared_with(app: Any, origins: frozenset[str], settings: HttpSettings) -> Any:
    always = security_headers(production=settings.production)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        sent = {name: value for name, value in scope["headers"] if name in {_ORIGIN, _METHOD}}
        origin = sent.get(_ORIGIN, b"")
        allowed: Headers = ((_ALLOW, origin),) if origin.decode("latin-1") in origins else ()
        if allowed and scope["method"] == "OPTIONS" and _METHOD in sent:
            headers = complete((*allowed, *_PREFLIGHT, _VARY), always, trace_id(scope))
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        added = (*allowed, *_EXPOSED, _VARY) if allowed else (_VARY,)

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await app(scope, receive, answer)

    return serve


async def _refuse(scope: Any, send: Any, error: DomainError, settings: HttpSettings) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = encode(problems.body(error, trace_id(scope), language(scope)))
    sent = ((b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()))
    headers = complete(sent, security_headers(production=settings.production), trace_id(scope))
    seen(scope, error.status, None)
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
