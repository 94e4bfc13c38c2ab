"""Limits over HTTP: by user or key where a valid token came, else by address."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard

from masterlinc.errors import DomainError
from masterlinc.http.address import client_address, networks
from masterlinc.limits import Limits, OverLimit, Policy
from masterlinc.security.guards import UNLIMITED
from masterlinc.settings import Settings

_STATE = "limit"


def limited(check: Guard, limits: Limits, settings: Settings) -> Guard:
    """Return a guard that counts a request when `check` knows who sent it; what `check` refuses is counted too."""
    trusted = networks(settings.http.trusted_proxies)
    user, key, address = (
        Policy(name, limit)
        for name, limit in (
            ("user", settings.limits.user),
            ("key", settings.limits.key),
            ("address", settings.limits.address),
        )
    )

    async def count(scope: Any) -> None:
        principal = scope.get("user")
        if principal is None:
            taken = await limits.take(address, of_network(client_address(scope, trusted)))
        else:
            taken = await limits.take(user if principal.kind == "user" else key, principal.user_id)
        scope["state"][_STATE] = taken
        if not taken.allowed:
            raise OverLimit(taken)

    async def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get(UNLIMITED):
            await _checked(check, connection, handler)
            return
        try:
            await _checked(check, connection, handler)
        except DomainError:
            await count(connection.scope)
            raise
        await count(connection.scope)

    return authorize


def limit_fields(scope: Any) -> Iterable[tuple[bytes, bytes]]:
    """Return the fields that say how a caller stands; none where nothing was counted."""
    taken = scope["state"].get(_STATE)
    if taken is None:
        return ()
    policy, left = taken.fields
    return ((b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode()))


@lru_cache(4096)
def of_network(address: str) -> str:
    """Return what stands for an address: of IPv6 the first 64 bits, which one customer has all of."""
    return IPv6Address(address).packed[:8].hex() if ":" in address else address


async def _checked(check: Guard, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    waiting = check(connection, handler)
    if waiting is not None:
        await waiting
