"""Opaque tokens: 256 random bits that name their organization, so that each is looked for in that scope only."""

import base64
import hashlib
import re
import secrets
from uuid import UUID

from msgspec import Struct

REFRESH = "mlr_"  # what a refresh token begins with
_SHAPE = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)
_SECRET_BYTES = 32


class Opaque(Struct, frozen=True):
    """A token, taken apart: what the database keeps of it is its digest."""

    organization_id: UUID
    digest: bytes


def new_token(prefix: str, organization_id: UUID) -> str:
    """Make a token."""
    return prefix + base64.urlsafe_b64encode(organization_id.bytes + secrets.token_bytes(_SECRET_BYTES)).decode()


def read_token(prefix: str, token: str) -> Opaque | None:
    """Take a token apart; None for anything that is no token of this prefix."""
    inside = token[len(prefix) :]
    if not token.startswith(prefix) or _SHAPE.fullmatch(inside) is None:
        return None
    return Opaque(UUID(bytes=base64.urlsafe_b64decode(inside)[:16]), digest(token))


def digest(token: str) -> bytes:
    """Return what is kept of a token with too many random bits to be guessed."""
    return hashlib.sha256(token.encode()).digest()
