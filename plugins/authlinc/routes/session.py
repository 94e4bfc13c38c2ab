"""`/api/v1/auth`: sign in, look at a token, trade tokens, sign out."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from authlinc.schemas import KeySet, LoginRequest, Me, RefreshRequest, SignedIn, SignedOut, Verified, VerifyRequest
from authlinc.service import login, profile, sessions
from authlinc.service.profile import Profile
from authlinc.service.sessions import Tokens
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.security.keys import jwk


@post(
    "/login",
    opt={"public": "this is where a token comes from"},
    status_code=200,
    summary="Sign in with e-mail address and password",
)
async def sign_in(data: JSONBody[LoginRequest], ctx: NamedDependency[Context]) -> SignedIn:
    """Open a session and return its tokens."""
    return signed_in(await login.login(ctx, data.email, data.password, data.device_token))


@post(
    "/verify",
    opt={"public": "the token in the body is what is asked about"},
    status_code=200,
    summary="Say whether a token is valid",
)
async def verify(data: JSONBody[VerifyRequest], ctx: NamedDependency[Context]) -> Verified:
    """Return whose token it is, or that it is not valid."""
    found = await profile.verify(ctx, data.token)
    if found is None:
        return Verified(valid=False)
    principal, email = found
    user, roles = ids.show("USR", principal.user_id), tuple(sorted(principal.roles))
    return Verified(valid=True, user_id=user, email=email, roles=roles, expires_at=principal.expires_at)


@post(
    "/refresh",
    opt={"public": "the refresh token in the body is the credential"},
    status_code=200,
    summary="Trade a refresh token for new tokens",
)
async def refresh(data: JSONBody[RefreshRequest], ctx: NamedDependency[Context]) -> SignedIn:
    """Return new tokens; the refresh token is used up."""
    return signed_in(await sessions.refresh(ctx, data.refresh_token))


@post("/logout", opt={"permission": "session:own"}, status_code=200, summary="Sign out")
async def sign_out(ctx: NamedDependency[Context]) -> SignedOut:
    """End the session: its access and refresh tokens work no more."""
    await sessions.logout(ctx)
    return SignedOut("You are signed out", "تم تسجيل الخروج")


@get("/me", opt={"permission": "session:own"}, summary="Show the signed-in user")
async def me(ctx: NamedDependency[Context]) -> Me:
    """Return the user of the token."""
    return shown(ctx, await profile.profile(ctx))


@get("/.well-known/jwks.json", opt={"public": "public keys are for everyone"}, summary="Public keys of our tokens")
async def key_set(ctx: NamedDependency[Context]) -> Response[KeySet]:
    """Return the keys that access tokens verify with now."""
    keys = [jwk(kid, key) for kid, key in ctx.services.verifier.keys.items()]
    return Response(KeySet(keys), headers={"Cache-Control": "public, max-age=60"})


def shown(ctx: Context, found: Profile) -> Me:
    """Return the caller's profile as it is shown."""
    who = ctx.principal
    return Me(
        user_id=ids.show("USR", who.user_id),
        email=found.email,
        name=found.name,
        name_ar=found.name_ar,
        roles=tuple(sorted(who.roles)),
        permissions=tuple(sorted(who.permissions)),
        organization_id=ids.show("ORG", who.organization_id),
        organization_name=found.organization.name,
        organization_name_ar=found.organization.name_ar,
        expires_at=who.expires_at,
    )


def signed_in(tokens: Tokens) -> SignedIn:
    """Return the body of an answer that carries tokens."""
    return SignedIn(
        access_token=tokens.access_token,
        token_type="bearer",  # noqa: S106 - the name of a scheme
        expires_in=tokens.expires_in,
        user_id=ids.show("USR", tokens.holder.user_id),
        email=tokens.holder.email,
        roles=tokens.holder.roles,
        refresh_token=tokens.refresh_token,
        organization_id=ids.show("ORG", tokens.holder.organization_id),
    )


HANDLERS = [sign_in, verify, refresh, sign_out, me]
