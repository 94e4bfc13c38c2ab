"""Where a request comes from: the peer, or what the proxies that we trust say of it."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from masterlinc.errors import StartupError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_MOST_HOPS = 16


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read the networks of trusted proxies; raises StartupError."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as fault:
        raise StartupError(f"configuration: http.trusted_proxies: {fault}") from None


def client_address(scope: Any, trusted: tuple[Network, ...]) -> str:
    """Return the address that a request comes from, the same for as long as it lives; empty where none is known.

    X-Forwarded-For is read from its end, as far as every hop is a proxy of ours: what stands before was written by
    somebody else.
    """
    state: dict[str, Any] = scope["state"]
    known: str | None = state.get("address")
    if known is None:
        known = state["address"] = _find(scope, trusted)
    return known


def _find(scope: Any, trusted: tuple[Network, ...]) -> str:
    client = scope.get("client")
    peer = _parse(client[0]) if client else None
    if peer is None:
        return ""
    if trusted and _is_trusted(peer, trusted):
        for hop in _forwarded(scope["headers"]):
            address = _parse(hop)
            if address is None:
                break
            peer = address
            if not _is_trusted(peer, trusted):
                break
    return str(peer)


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the hops, the nearest first."""
    sent = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    return [hop.strip() for hop in sent.decode("latin-1").split(",")][::-1][:_MOST_HOPS] if sent else []


@lru_cache(4096)
def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # a zone is any text, of any length
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: tuple[Network, ...]) -> bool:
    return any(address in network for network in trusted)
