"""Where tries come from: an address, its network, and a password that goes round; all as blind keys."""

from ipaddress import IPv4Address, ip_address, ip_network

from msgspec import Struct

from masterlinc.context import Context
from masterlinc.security.principal import NOBODY

_KEY_BYTES = 16
_PASSWORD_BYTES = 2  # 65,536 of them: one password that goes round is seen, and which one it is cannot be told


class Origin(Struct, frozen=True):
    """An address with the network around it, and the keys that they are counted by."""

    network: str
    address_key: bytes
    network_key: bytes


def origin_of(ctx: Context) -> Origin | None:
    """Return where the request comes from; None for work of our own.

    A customer has one IPv4 address or a /64 of IPv6; an office or a botnet's landlord has a /24 or a /48.
    """
    if not ctx.address:
        return None
    address = ip_address(ctx.address)
    one, many = (32, 24) if isinstance(address, IPv4Address) else (64, 48)
    home, network = (str(ip_network((address, bits), strict=False)) for bits in (one, many))
    return Origin(network, _blind(ctx, "address", home), _blind(ctx, "network", network))


def password_key(ctx: Context, normalized: str) -> bytes:
    """Return a key that equal passwords share, with one other in 65,536."""
    return bytes(_KEY_BYTES - _PASSWORD_BYTES) + _blind(ctx, "password_tried", normalized)[:_PASSWORD_BYTES]


def _blind(ctx: Context, label: str, value: str) -> bytes:
    return ctx.vault.blind(NOBODY, f"authlinc.{label}", value)
