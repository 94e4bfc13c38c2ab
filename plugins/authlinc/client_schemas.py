"""Bodies of requests and answers about OAuth 2 clients."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from authlinc.key_schemas import Scope


class ClientForm(Struct, forbid_unknown_fields=True):
    """A client to make; with a public key it signs what it shows, else it gets a secret."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(max_length=64)]
    expires_in_days: int | None = None
    public_key: dict[str, Any] | None = None


class ClientView(Struct):
    """A client without its secret."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    authentication: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewClient(Struct):
    """A client with its secret, which is shown this once; with a public key it has none."""

    client: ClientView
    secret: str | None


class ClientPage(Struct):
    """A page of clients, the newest first."""

    clients: list[ClientView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class Token(Struct):
    """An access token (RFC 6749 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class Refusal(Struct):
    """Why there is no token (RFC 6749 5.2)."""

    error: str
    error_description: str


class ServerMetadata(Struct):
    """What this authorization server does (RFC 8414)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...]
    token_endpoint_auth_methods_supported: tuple[str, ...]
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...]
