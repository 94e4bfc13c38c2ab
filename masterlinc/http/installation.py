"""Puts the HTTP conventions into an application."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar.config.app import AppConfig

from masterlinc.errors import DomainError, NotFound
from masterlinc.http import problems
from masterlinc.http.accept import require_acceptable
from masterlinc.http.body import BoundedBody, Deadlines
from masterlinc.http.headers import complete, security_headers
from masterlinc.http.limiting import limit_fields
from masterlinc.http.openapi import DocumentedRoutes, ExactNumbers
from masterlinc.http.query import REPEATED, escaped, require_single
from masterlinc.http.request import Request
from masterlinc.http.response import Response
from masterlinc.http.trace import trace_id
from masterlinc.money import Money, Quantity
from masterlinc.observe.requests import seen
from masterlinc.settings import HttpSettings
from masterlinc.wire.codec import decode_hook, encode_hook

Refused = Callable[[Any, DomainError], None]  # told of every error that is answered, with the request's scope

_DRESSED = "masterlinc.dressed"  # the middleware gives this request's answer its headers


def install(config: AppConfig, settings: HttpSettings, refused: Refused = lambda _scope, _error: None) -> AppConfig:
    """Return the configuration with exact bodies, bounded bodies, problem answers and the headers of every answer.

    `refused` is told of every error that is answered.
    """
    config.request_class = Request
    config.response_class = Response
    config.request_max_body_size = None  # BoundedBody counts, and sets the deadline
    config.type_decoders = [*(config.type_decoders or []), (_is_exact, decode_hook)]
    config.type_encoders = {**(config.type_encoders or {}), Money: encode_hook, Quantity: encode_hook}
    config.exception_handlers = {**config.exception_handlers, Exception: _answered(settings, refused)}
    config.middleware.append(_routed(settings))
    config.plugins.extend([ExactNumbers(), DocumentedRoutes()])
    config.logging_config = None
    return config


def _is_exact(type_: Any) -> bool:
    return type_ is Money or type_ is Quantity


def _routed(settings: HttpSettings) -> Any:
    """Give a routed request its trace id, a bounded body and parameters that are written once; see its answer off."""
    security = security_headers(production=settings.production)
    limits: dict[str, Any] = {"max_bytes": settings.max_body_bytes, "seconds": settings.body_seconds}
    deadlines = Deadlines(settings.body_seconds)

    def middleware(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            trace = trace_id(scope)
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            scope["query_string"] = escaped(scope["query_string"])
            if b"&" in scope["query_string"] and not scope["route_handler"].opt.get(REPEATED):
                require_single(scope["query_string"])
            if "\0" in scope["path"]:  # no name of ours; a file system would not even look
                raise NotFound
            require_acceptable(scope)
            started = perf_counter()
            scope["state"][_DRESSED] = True

            async def answer(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = (*message.get("headers", ()), *limit_fields(scope))
                    message["headers"] = complete(headers, security, trace)
                    seen(scope, message["status"], perf_counter() - started)
                await send(message)

            await app(scope, BoundedBody(scope, receive, deadlines, **limits), answer)

        return serve

    return middleware


def _answered(settings: HttpSettings, refused: Refused) -> Any:
    """Answer errors; one that came before the middleware gets its headers here."""
    security = security_headers(production=settings.production)

    def answer(request: LitestarRequest[Any, Any, Any], fault: Exception) -> LitestarResponse[Any]:
        response = problems.answer(request, fault)
        refused(request.scope, problems.as_domain_error(fault))
        if _DRESSED not in request.scope["state"]:
            for name, value in complete((), security, trace_id(request.scope)):
                response.headers[name.decode()] = value.decode()
            seen(request.scope, response.status_code or 500, None)
        return response

    return answer
