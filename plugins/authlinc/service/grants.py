"""The token endpoint of OAuth 2: client credentials and nothing else (RFC 6749 4.4, RFC 7523, RFC 9700)."""

import hmac
from typing import Any

from msgspec import Struct

from authlinc import client_queries as queries
from authlinc.service import client_keys
from authlinc.service.client_keys import Assertion, AssertionUnfit
from authlinc.service.clients import PREFIX
from authlinc.service.opaque import digest
from authlinc.service.signing import signing_key
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.security.tokens import Machine, Realm, issue_to_machine

TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105 - a path
_GRANT = "client_credentials"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class GrantRefused(Exception):
    """A refusal in the words of RFC 6749 5.2."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        self.code, self.description, self.status = code, description, status
        super().__init__(code)


class Asked(Struct, frozen=True):
    """What a client sent: the form's fields, and the two halves of a Basic header where there was one."""

    fields: dict[str, str]
    basic: tuple[str, str] | None = None


class Granted(Struct, frozen=True):
    """An access token; there is no refresh token, since the client can always ask again."""

    access_token: str
    expires_in: int
    scopes: tuple[str, ...]


class _Shown(Struct, frozen=True):
    """Who a client says that it is, and what it shows for it."""

    client: str
    secret: str = ""
    assertion: str = ""


async def grant(ctx: Context, asked: Asked) -> Granted:
    """Return a token for a client that has proven itself; raises GrantRefused."""
    if not asked.fields.get("grant_type"):
        raise GrantRefused("invalid_request", "grant_type is missing")
    if asked.fields["grant_type"] != _GRANT:
        raise GrantRefused("unsupported_grant_type", f"only {_GRANT} is given here")
    shown = _shown(asked)
    client, assertion, reason = await _proven(ctx, shown)
    if client is None:
        await _refuse(ctx, shown.client, reason)
        raise _unproven()
    scopes = _scopes(asked.fields.get("scope"), client["scopes"])
    home, client_id, now = client["organization_id"], client["id"], ctx.clock.now()
    async with ctx.transaction(frozenset({home})) as transaction:
        fresh = assertion is None or await _use(ctx, transaction, client, assertion)
        if fresh:
            detail = {"scopes": ",".join(scopes)}
            transaction.audit("auth.token", "client", ids.show(PREFIX, client_id), organization_id=home, detail=detail)
    if not fresh:
        await _refuse(ctx, shown.client, "assertion used before")
        raise _unproven()
    security, life = ctx.settings.security, min(ctx.config.access, client["expires_at"] - now)
    machine = Machine(client_id, home, scopes)
    token = issue_to_machine(
        await signing_key(ctx), Realm(security.issuer, security.audience), machine, now=now, life=life
    )
    return Granted(token, int(life.total_seconds()), scopes)


def _shown(asked: Asked) -> _Shown:
    """Return the one proof that a request carries; raises GrantRefused for none and for two."""
    fields, basic = asked.fields, asked.basic
    post, assertion = "client_secret" in fields, "client_assertion" in fields or "client_assertion_type" in fields
    if (basic is not None) + post + assertion > 1:
        raise GrantRefused("invalid_request", "prove yourself in one way")
    if basic is not None:
        if fields.get("client_id", basic[0]) != basic[0]:
            raise GrantRefused("invalid_request", "client_id names another client")
        return _Shown(basic[0], secret=basic[1])
    if assertion:
        if fields.get("client_assertion_type") != _ASSERTION_TYPE or not fields.get("client_assertion"):
            raise GrantRefused("invalid_request", "client_assertion and its type belong together")
        return _Shown(
            fields.get("client_id") or client_keys.claimed_client(fields["client_assertion"]),
            assertion=fields["client_assertion"],
        )
    if not post or not fields.get("client_id"):
        raise _unproven()
    return _Shown(fields["client_id"], secret=fields["client_secret"])


async def _proven(ctx: Context, shown: _Shown) -> tuple[Any, Assertion | None, str]:
    """Return the client that proved itself, with its assertion; None and why not for any other."""
    client = None
    if ids.looks_like(PREFIX, shown.client):
        async with ctx.transaction() as transaction:
            client = await transaction.fetchrow(queries.FIND_CLIENT, ids.parse(PREFIX, shown.client))
    if client is None:
        return None, None, "unknown"
    if client["revoked_at"] or client["organization_disabled_at"] or client["expires_at"] <= ctx.clock.now():
        return None, None, "over"
    if shown.assertion and client["public_key"] is not None:
        key, now = client_keys.read_key(client["public_key"]), ctx.clock.now()
        try:
            return client, client_keys.verify(shown.assertion, key, shown.client, audiences(ctx), now), ""
        except AssertionUnfit as fault:
            return None, None, str(fault)
    if shown.secret and client["secret_hash"] is not None and _fits(client["secret_hash"], shown.secret):
        return client, None, ""
    return None, None, "secret"


def audiences(ctx: Context) -> tuple[str, ...]:
    """Return what an assertion may say that it is for: this system, or its token endpoint."""
    url, security = ctx.settings.http.public_url, ctx.settings.security
    return (security.issuer, url, url + TOKEN_PATH) if url else (security.issuer,)


async def _use(ctx: Context, transaction: Transaction, client: Any, assertion: Assertion) -> bool:
    used = await transaction.fetchval(
        queries.USE_ASSERTION,
        client["organization_id"],
        client["id"],
        assertion.jti_hash,
        assertion.expires_at,
        ctx.clock.now(),
    )
    return used is not None


def _scopes(asked: str | None, held: list[str]) -> tuple[str, ...]:
    """Return what was asked for out of what the client has: all of it where it names nothing."""
    if asked is None:
        return tuple(held)
    wanted = set(asked.split(" "))
    if not wanted <= set(held):
        raise GrantRefused("invalid_scope", "the client does not have every scope that it asks for")
    return tuple(sorted(wanted))


def _fits(stored: bytes, secret: str) -> bool:
    return len(secret) <= client_keys.LONGEST and hmac.compare_digest(stored, digest(secret))


async def _refuse(ctx: Context, client: str, reason: str) -> None:
    """Write down a client that did not prove itself; what it called itself only where it looks like a number."""
    named = client if ids.looks_like(PREFIX, client) else "client"
    async with ctx.transaction() as transaction:
        transaction.audit(
            "auth.token", "client", named, organization_id=None, outcome="refused", detail={"reason": reason}
        )


def _unproven() -> GrantRefused:
    return GrantRefused("invalid_client", "the client is unknown, or did not prove itself", 401)
