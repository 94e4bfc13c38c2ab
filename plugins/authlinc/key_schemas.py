"""Bodies of requests and answers about API keys."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Scope = Annotated[str, Meta(min_length=3, max_length=100)]


class KeyForm(Struct, forbid_unknown_fields=True):
    """A key to make; without `expires_in_days` it lives as long as the settings allow."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(max_length=64)]
    expires_in_days: int | None = None


class KeyView(Struct):
    """A key without its secret; `last_used_at` is right to five minutes."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewKey(Struct):
    """A key with its secret, which is shown this once."""

    key: KeyView
    secret: str


class KeyPage(Struct):
    """A page of keys, the newest first."""

    keys: list[KeyView]
    total: int
    page: int
    page_size: int
    total_exact: bool
