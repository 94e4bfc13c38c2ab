"""Signing in with a provider (OpenID Connect): the code flow with PKCE, bound to one browser, for linked users only."""

import hmac
import secrets
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from authlinc import identity_queries as identities
from authlinc import queries
from authlinc.management_errors import OwnAccount
from authlinc.provider_errors import IdentityTaken, ProviderRefused, ProviderUnknown
from authlinc.service import id_tokens
from authlinc.service.endings import end_sessions_of
from authlinc.service.entry import Person, Proof, enter
from authlinc.service.id_tokens import Expected, IdTokenUnfit, UnknownKey
from authlinc.service.opaque import digest
from authlinc.service.provider_client import ProviderClient
from authlinc.service.rights import require_givable
from authlinc.service.sessions import Tokens
from authlinc.service.state import state_of
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid, NotFound

ERRAND_SECONDS = 600
_PATH = "/api/v1/auth/providers/{}/callback"


class Errand(Struct, frozen=True):
    """What the browser keeps while its user is with the provider."""

    provider: str
    state: str
    nonce: str
    verifier: str


class Returned(Struct, frozen=True):
    """What the provider sent the browser back with."""

    code: str | None = None
    state: str | None = None
    issuer: str | None = None
    error: str | None = None


async def start(ctx: Context, name: str) -> tuple[str, str]:
    """Return where the browser goes, and the errand that it keeps; raises ProviderUnknown or ProviderAway."""
    client = _client(ctx, name)
    errand = Errand(name, *(secrets.token_urlsafe(32) for _ in range(3)))
    url = await client.authorization_url(_back(ctx, name), errand.state, errand.nonce, errand.verifier)
    return url, msgspec.json.encode(errand).decode()


async def finish(ctx: Context, name: str, kept: str | None, returned: Returned) -> Tokens:
    """Open a session for the user whom the provider vouches for; raises ProviderRefused, ProviderAway, LoginRefused."""
    client = _client(ctx, name)
    try:
        errand = _errand(name, kept, returned)
        subject = await _subject(ctx, client, errand, returned)
    except IdTokenUnfit as fault:
        await _refuse(ctx, name, str(fault))
        raise ProviderRefused from None
    async with ctx.transaction() as transaction:
        found = await transaction.fetchrow(identities.FIND_IDENTITY, name, _hash(name, subject))
    if found is None:
        await _refuse(ctx, name, "nobody is linked")
        raise ProviderRefused
    proven = {Proof.PROVIDER} | ({Proof.CODE} if client.provider.second_factor else set())
    return await enter(ctx, Person(found["organization_id"], found["user_id"]), frozenset(proven))


async def link(ctx: Context, user_id: UUID, name: str, subject: str) -> None:
    """Let a user of the organization sign in as a provider's subject.

    Raises NotFound, OwnAccount, RoleNotYours, Invalid or IdentityTaken: who links an identity can let somebody in, so
    it takes the right to give every role of the user.
    """
    who, home = ctx.principal, ctx.principal.organization_id
    try:
        async with ctx.transaction() as transaction:
            user = await transaction.fetchrow(queries.LOCK_USER, home, user_id)
            if user is None:
                raise NotFound
            if user_id == who.user_id:
                raise OwnAccount
            require_givable(ctx, user["roles"])
            if name not in state_of(ctx).providers:
                detail, detail_ar = "there is no such provider", "لا يوجد مزوّد بهذا الاسم"
                raise Invalid(errors=[FieldError("provider", "unknown", detail, detail_ar)])
            await transaction.execute(
                identities.ADD_IDENTITY, home, name, _hash(name, subject), user_id, who.user_id, ctx.clock.now()
            )
            number, linked = ids.show("USR", user_id), {"provider": name}
            transaction.audit("user.link_identity", "user", number, organization_id=home, detail=linked)
    except asyncpg.UniqueViolationError:
        raise IdentityTaken from None


async def unlink(ctx: Context, user_id: UUID) -> None:
    """Take a user's identities at providers away, and end what they are signed in to.

    Raises NotFound or RoleNotYours.
    """
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        user = await transaction.fetchrow(queries.LOCK_USER, home, user_id)
        if user is None:
            raise NotFound
        require_givable(ctx, user["roles"])
        if await transaction.fetch(identities.DELETE_IDENTITIES, home, user_id):
            await end_sessions_of(ctx, transaction, home, user_id, "admin")  # whoever the provider let in is out
            transaction.audit("user.unlink_identity", "user", ids.show("USR", user_id), organization_id=home)


def _client(ctx: Context, name: str) -> ProviderClient:
    client = state_of(ctx).providers.get(name)
    if client is None or not ctx.settings.http.public_url:
        raise ProviderUnknown
    return client


def _back(ctx: Context, name: str) -> str:
    return ctx.settings.http.public_url + _PATH.format(name)


def _errand(name: str, kept: str | None, returned: Returned) -> Errand:
    """Return the errand that this answer belongs to; raises IdTokenUnfit."""
    if kept is None:
        raise IdTokenUnfit("no errand in this browser")
    try:
        errand = msgspec.json.decode(kept, type=Errand)
    except msgspec.DecodeError:  # we signed it, in a version that wrote it in another way
        raise IdTokenUnfit("no errand in this browser") from None
    if errand.provider != name:
        raise IdTokenUnfit("another provider's errand")
    if not hmac.compare_digest((returned.state or "").encode(errors="replace"), errand.state.encode()):
        raise IdTokenUnfit("state")
    return errand


async def _subject(ctx: Context, client: ProviderClient, errand: Errand, returned: Returned) -> str:
    """Return whom the provider vouches for; raises IdTokenUnfit or ProviderAway."""
    now = ctx.clock.now()
    async with ctx.transaction() as transaction:
        until = now + timedelta(seconds=2 * ERRAND_SECONDS)
        fresh = await transaction.fetchval(identities.USE_STATE, digest(errand.state), until, now)
    if fresh is None:
        raise IdTokenUnfit("state used before")
    provider, metadata = client.provider, await client.metadata()
    if returned.issuer is None and metadata.authorization_response_iss_parameter_supported:
        raise IdTokenUnfit("issuer of the answer")
    if returned.issuer not in {None, provider.issuer}:  # RFC 9207: the answer of another provider was mixed in
        raise IdTokenUnfit("issuer of the answer")
    if returned.error is not None or not returned.code:
        raise IdTokenUnfit("refused by the provider")
    token = await client.id_token(returned.code, _back(ctx, errand.provider), errand.verifier)
    expected = Expected(provider.issuer, provider.client_id, errand.nonce, provider.algorithms, ctx.clock.now())
    try:
        return id_tokens.subject_of(token, client.keys, expected)
    except UnknownKey:
        if not await client.refresh():
            raise
    return id_tokens.subject_of(token, client.keys, expected)


def _hash(name: str, subject: str) -> bytes:
    return digest(f"{name}\0{subject}")


async def _refuse(ctx: Context, name: str, reason: str) -> None:
    detail = {"by": "provider", "reason": reason}
    async with ctx.transaction() as transaction:
        transaction.audit("auth.login", "provider", name, organization_id=None, outcome="refused", detail=detail)
