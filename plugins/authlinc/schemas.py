"""Bodies of requests and answers."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from masterlinc.security.keys import Jwk


class LoginRequest(Struct, forbid_unknown_fields=True):
    """Who signs in."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]
    password: Annotated[str, Meta(min_length=6)]


class VerifyRequest(Struct, forbid_unknown_fields=True):
    """A token to look at."""

    token: str


class RefreshRequest(Struct, forbid_unknown_fields=True):
    """A refresh token to trade for new tokens."""

    refresh_token: str


class SignedIn(Struct):
    """The tokens of a session."""

    access_token: str
    token_type: str
    expires_in: int
    user_id: str
    email: str
    roles: tuple[str, ...]
    refresh_token: str
    organization_id: str


class Verified(Struct):
    """Whether a token is valid now, and whose it is."""

    valid: bool
    user_id: str | None = None
    email: str | None = None
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None


class SignedOut(Struct):
    """The session has ended."""

    message: str
    message_ar: str


class Me(Struct):
    """The signed-in user."""

    user_id: str
    email: str
    name: str
    name_ar: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    organization_id: str
    organization_name: str
    organization_name_ar: str
    expires_at: datetime


class KeySet(Struct):
    """The public keys that our tokens verify with (RFC 7517)."""

    keys: list[Jwk]
