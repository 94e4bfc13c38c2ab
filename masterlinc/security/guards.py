"""The one guard of every route: public with a reason, or a verified credential that carries the permission."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard, HTTPScope, WebSocketScope

from masterlinc.errors import Forbidden, StartupError, Unauthenticated
from masterlinc.security.credentials import Verifier
from masterlinc.security.principal import Principal

PERMISSION = "permission"
PUBLIC = "public"
UNLIMITED = "unlimited"  # opt of a route that answers however often it is asked, with the reason
_BEARER = re.compile(rb"bearer ([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_TOKEN_IN_QUERY = re.compile(rb"(?:^|&)(?:access_token|token|jwt|bearer|authorization)=", re.IGNORECASE)
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def guard(verifier: Verifier) -> Guard:
    """Return the application's guard: what declares neither a permission nor a reason to be public is refused."""

    async def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get(PUBLIC):
            return
        principal = authenticate(connection.scope, verifier)
        connection.scope["user"] = principal
        permission = handler.opt.get(PERMISSION)
        if not permission:
            raise Forbidden
        principal.require(permission)

    return authorize


def authenticate(scope: HTTPScope | WebSocketScope, verifier: Verifier) -> Principal:
    """Return the principal of the one bearer token in the Authorization header; raises Unauthenticated."""
    credentials = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(credentials) != 1 or _TOKEN_IN_QUERY.search(scope["query_string"]):
        raise Unauthenticated(headers=_CHALLENGE)
    bearer = _BEARER.fullmatch(credentials[0])
    if bearer is None:
        raise Unauthenticated(headers=_CHALLENGE)
    return verifier.verify(bearer[1].decode("ascii"))


def check_routes(app: Litestar, declared: Iterable[str]) -> None:
    """Raise StartupError naming each route without a policy, or with a permission that no agent declares."""
    known = frozenset(declared)
    faults = [fault for route, handler in _handlers(app) if (fault := _fault(route, handler, known))]
    if faults:
        raise StartupError("; ".join(sorted(faults)))


def _handlers(app: Litestar) -> Iterator[tuple[str, BaseRouteHandler]]:
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]  # type: ignore[union-attr]
        for handler in handlers:
            if not _is_automatic_options(handler):
                yield f"{' '.join(sorted(route.methods)) if hasattr(route, 'methods') else 'WS'} {route.path}", handler


def _is_automatic_options(handler: BaseRouteHandler) -> bool:
    """Say whether Litestar itself made this handler; it has no policy, so the guard refuses it."""
    return handler.fn.__module__ == "litestar.routes.http" and handler.fn.__name__ == "options_handler"


def _fault(route: str, handler: BaseRouteHandler, known: frozenset[str]) -> str:
    permission, public = handler.opt.get(PERMISSION), handler.opt.get(PUBLIC)
    if bool(permission) == bool(public):
        return f"route {route} declares neither a permission nor why it is public, or both"
    if public and not isinstance(public, str):
        return f"route {route} is public without a reason"
    if permission and permission not in known:
        return f"route {route} asks for {permission}, which no agent declares"
    return ""
