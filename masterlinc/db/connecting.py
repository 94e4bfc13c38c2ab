"""Connects as the settings say now: the address is a secret that may change while the process runs."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from masterlinc.secrets import Secret

Renew = Callable[[Secret], Awaitable[bool]]
_REFUSED = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)


async def never(_: Secret) -> bool:
    """Read no secret again."""
    return False


async def connect(url: Secret, renew: Renew, **options: Any) -> Any:
    """Connect; where the password is refused, it may have been changed a moment ago: read it again, try once more."""
    tried = url.reveal()
    try:
        return await connect_to(tried, **options)
    except _REFUSED:
        await renew(url)
        if url.reveal() == tried:  # one that connects beside us may have read it first
            raise
    return await connect_to(url.reveal(), **options)


async def connect_to(address: str, **options: Any) -> Any:
    """Connect to an address; what it raises never quotes the password."""
    try:
        return await asyncpg.connect(address, **options)
    except ValueError:  # its words may quote a part of the address
        raise asyncpg.InterfaceError("the address in the settings is none") from None
