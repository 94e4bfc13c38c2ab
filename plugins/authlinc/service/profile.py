"""What a token says, and who its holder is."""

from typing import Any

from msgspec import Struct

from authlinc import queries
from authlinc.contract import LoadOrganization, OrganizationInfo
from authlinc.service import emails
from authlinc.service.directory import load_organization
from masterlinc.context import Context
from masterlinc.errors import NotFound
from masterlinc.security.principal import Principal
from masterlinc.security.tokens import TokenRefused


class Profile(Struct, frozen=True):
    """A user and the organization they belong to."""

    email: str
    name: str
    name_ar: str
    organization: OrganizationInfo


async def verify(ctx: Context, token: str) -> tuple[Principal, str] | None:
    """Return a valid token's principal and e-mail address; None for any other token."""
    try:
        principal = ctx.services.verifier.verify(token)
    except TokenRefused:
        return None
    user = await _user(ctx, principal)
    if user is None or user["disabled_at"] or user["organization_disabled_at"]:
        return None
    return principal, emails.open_email(ctx, principal.home, principal.user_id, user["email"])


async def profile(ctx: Context) -> Profile:
    """Return the caller's profile; raises NotFound for a principal that is no user."""
    who = ctx.principal
    user = await _user(ctx, who)
    if user is None:
        raise NotFound
    email = emails.open_email(ctx, who.home, who.user_id, user["email"])
    organization = await load_organization(ctx, LoadOrganization(who.organization_id))
    return Profile(email, user["name"], user["name_ar"], organization)


async def _user(ctx: Context, principal: Principal) -> Any:
    async with ctx.transaction(frozenset({principal.home}), read_only=True) as transaction:
        return await transaction.fetchrow(queries.USER, principal.home, principal.user_id)
