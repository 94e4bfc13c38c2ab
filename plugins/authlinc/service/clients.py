"""OAuth 2 clients: machines that trade a secret or a signed assertion for short tokens."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import client_queries as queries
from authlinc.machine_errors import TooManyClients
from authlinc.service import client_keys
from authlinc.service.api_keys import terms
from authlinc.service.endings import MARGIN
from authlinc.service.opaque import digest
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.security.tokens import LEEWAY, LONGEST_LIFE

PREFIX = "CLI"
_SECRET = "mls_"  # noqa: S105 - what secrets begin with, so that a scanner finds one that was left lying about


class Client(Struct, frozen=True):
    """A client without its secret."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    has_key: bool
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class ClientTerms(Struct, frozen=True):
    """What a client is made with; with a public key it gets no secret."""

    name: str
    scopes: Sequence[str]
    days: int | None = None
    public_key: dict[str, Any] | None = None


async def create(ctx: Context, asked: ClientTerms) -> tuple[Client, str | None]:
    """Make a client and return it with its secret, shown this once; raises Invalid or TooManyClients."""
    who, now, home = ctx.principal, ctx.clock.now(), ctx.principal.organization_id
    public = _public_key(asked.public_key)
    name, scopes, life = terms(ctx, asked.name, asked.scopes, asked.days)
    secret = None if public else _SECRET + secrets.token_urlsafe(32)
    client_id, until = ids.new_id(), now + life
    async with ctx.transaction() as transaction:
        await transaction.execute(queries.LOCK_CLIENTS, home)
        if await transaction.fetchval(queries.COUNT_CLIENTS, home, now) >= ctx.config.api_keys_most:
            raise TooManyClients
        await transaction.execute(
            queries.ADD_CLIENT,
            home,
            client_id,
            name,
            list(scopes),
            None if secret is None else digest(secret),
            public,
            who.user_id,
            now,
            until,
        )
        detail = {"scopes": ",".join(scopes), "by": "key" if public else "secret"}
        transaction.audit("client.create", "client", ids.show(PREFIX, client_id), organization_id=home, detail=detail)
    return Client(client_id, name, scopes, public is not None, who.user_id, now, until, None), secret


async def revoke(ctx: Context, client_id: UUID) -> None:
    """Give a client no more tokens, and refuse those that it has; raises NotFound."""
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        if await transaction.fetchrow(queries.CLIENT, home, client_id) is None:
            raise NotFound
        if await transaction.fetchval(queries.REVOKE_CLIENT, home, client_id, ctx.clock.now()):
            until = ctx.clock.now() + LONGEST_LIFE + LEEWAY
            await ctx.services.revocations.revoke(transaction, [client_id], until)
            transaction.audit("client.revoke", "client", ids.show(PREFIX, client_id), organization_id=home)


async def stop_tokens_in(ctx: Context, transaction: Transaction, organization_id: UUID) -> None:
    """Refuse the tokens that an organization's clients have: it is disabled, and they get no others."""
    rows = await transaction.fetch(queries.CLIENT_IDS, organization_id)
    until = ctx.clock.now() + ctx.config.access + LEEWAY + MARGIN
    await ctx.services.revocations.revoke(transaction, [row["id"] for row in rows], until)


async def load(ctx: Context, client_id: UUID) -> Client:
    """Return a client of the caller's organization; raises NotFound."""
    async with ctx.transaction(read_only=True) as transaction:
        row = await transaction.fetchrow(queries.CLIENT, ctx.principal.organization_id, client_id)
    if row is None:
        raise NotFound
    return _client(row)


async def listed(ctx: Context, limit: int, offset: int) -> tuple[list[Client], int]:
    """Return a page of the organization's clients, the newest first, and how many there are."""
    home = ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as transaction:
        rows = await transaction.fetch(queries.PAGE_OF_CLIENTS, home, limit, offset)
        counted = await transaction.fetchval(queries.COUNT_ALL, home)
    return [_client(row) for row in rows], counted


def _public_key(jwk: dict[str, Any] | None) -> str | None:
    if jwk is None:
        return None
    try:
        return client_keys.canonical(jwk)
    except client_keys.KeyUnfit:
        detail = "a public key as JSON (RFC 7517): Ed25519, P-256, or RSA of 2048 to 4096 bits; nothing private"
        detail_ar = "مفتاح عام بصيغة JSON (RFC 7517): Ed25519 أو P-256 أو RSA من 2048 إلى 4096 بت، دون أي جزء خاص"
        raise Invalid(errors=[FieldError("public_key", "key", detail, detail_ar)]) from None


def _client(row: Any) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        has_key=row["has_key"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
