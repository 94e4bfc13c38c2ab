"""`/api/v1/auth/providers` and `/api/v1/users/{user}/identity`: signing in with a provider."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from authlinc.provider_schemas import IdentityForm, Providers, ProviderView
from authlinc.routes.session import signed_in
from authlinc.schemas import SignedIn
from authlinc.service import providers
from authlinc.service.providers import ERRAND_SECONDS, Returned
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.http.cookies import Cookie

_PATH = "/api/v1/auth/providers/{}/start"


@get("/providers", opt={"public": "who signs in has to see with what"}, summary="List the providers to sign in with")
async def listed(ctx: NamedDependency[Context]) -> Providers:
    """Return the providers of the settings."""
    found = ctx.config.providers.items() if ctx.settings.http.public_url else ()
    return Providers([ProviderView(name, one.title, one.title_ar, _PATH.format(name)) for name, one in found])


@get(
    "/providers/{provider:str}/start",
    opt={"public": "this is where signing in begins"},
    status_code=302,
    summary="Go to a provider to sign in",
)
async def start(provider: FromPath[str], ctx: NamedDependency[Context]) -> Response[None]:
    """Send the browser to the provider, with an errand that brings it back."""
    url, errand = await providers.start(ctx, provider)
    return Response(None, status_code=302, headers={"Location": url, "Set-Cookie": _cookie(ctx).bake(errand)})


@get(
    "/providers/{provider:str}/callback",
    opt={"public": "the provider's answer in the address is the credential, for the browser that was sent there"},
    summary="Come back from a provider",
)
async def finish(  # noqa: PLR0913, PLR0917 - what a provider may answer with
    provider: FromPath[str],
    request: Request[Any, Any, Any],
    ctx: NamedDependency[Context],
    code: FromQuery[str | None] = None,
    answered_state: Annotated[str | None, QueryParameter(name="state")] = None,  # `state` is a word of Litestar
    iss: FromQuery[str | None] = None,
    error: FromQuery[str | None] = None,
) -> Response[SignedIn]:
    """Open a session for the user whom the provider vouches for."""
    cookie, returned = _cookie(ctx), Returned(code, answered_state, iss, error)
    tokens = await providers.finish(ctx, provider, cookie.read(request.scope), returned)
    return Response(signed_in(tokens), headers={"Set-Cookie": cookie.drop()})


@post(
    "/users/{user:str}/identity",
    opt={"permission": "user:manage"},
    status_code=204,
    summary="Let a user sign in with a provider",
)
async def link(user: FromPath[str], data: JSONBody[IdentityForm], ctx: NamedDependency[Context]) -> None:
    """Link a provider's subject to a user of the own organization."""
    await providers.link(ctx, ids.parse("USR", user), data.provider, data.subject)


@delete("/users/{user:str}/identity", opt={"permission": "user:manage"}, summary="Take a user's identities away")
async def unlink(user: FromPath[str], ctx: NamedDependency[Context]) -> None:
    """Take every link of a user to providers away."""
    await providers.unlink(ctx, ids.parse("USR", user))


def _cookie(ctx: Context) -> Cookie:
    return Cookie(ctx.vault, ctx.clock, "sign-in", seconds=ERRAND_SECONDS, same_site="Lax")


HANDLERS = [listed, start, finish]
USER_HANDLERS = [link, unlink]
