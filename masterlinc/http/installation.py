"""Puts the HTTP conventions into an application."""

from time import perf_counter
from typing import Any

from litestar.config.app import AppConfig

from masterlinc.http import problems
from masterlinc.http.body import BoundedBody
from masterlinc.http.headers import complete, security_headers
from masterlinc.http.openapi import ExactNumbers
from masterlinc.http.request import Request
from masterlinc.http.response import Response
from masterlinc.http.trace import trace_id
from masterlinc.money import Money, Quantity
from masterlinc.observe.requests import seen
from masterlinc.settings import HttpSettings
from masterlinc.wire.codec import decode_hook, encode_hook


def install(config: AppConfig, settings: HttpSettings) -> AppConfig:
    """Return the configuration with exact bodies, bounded bodies, problem answers and the headers of every answer."""
    config.request_class = Request
    config.response_class = Response
    config.request_max_body_size = None  # BoundedBody counts, and sets the deadline
    config.type_decoders = [*(config.type_decoders or []), (_is_exact, decode_hook)]
    config.type_encoders = {**(config.type_encoders or {}), Money: encode_hook, Quantity: encode_hook}
    config.exception_handlers = {**config.exception_handlers, Exception: problems.answer}
    config.middleware.append(_bounded(settings))
    config.before_send.append(_completed(settings))
    config.plugins.append(ExactNumbers())
    config.logging_config = None
    return config


def _is_exact(type_: Any) -> bool:
    return type_ is Money or type_ is Quantity


def _bounded(settings: HttpSettings) -> Any:
    """Every routed request gets its trace id and a bounded body."""

    def middleware(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            trace_id(scope)
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            scope["state"]["started"] = perf_counter()
            body = BoundedBody(scope, receive, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds)
            await app(scope, body, send)

        return serve

    return middleware


def _completed(settings: HttpSettings) -> Any:
    """Every answer gets its headers, also where no route was found; every request is seen once."""
    always = security_headers(production=settings.production)

    async def before_send(message: Any, scope: Any) -> None:
        if message["type"] == "http.response.start":
            trace = (b"trace-id", trace_id(scope).encode())
            message["headers"] = complete(list(message.get("headers", ())), (*always, trace))
            seen(scope, message["status"])

    return before_send
