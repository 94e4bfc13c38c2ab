"""`/api/v1/users` and `/api/v1/roles`: an administrator's own organization."""

from typing import Any

from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from authlinc.schemas import Ended, Roles, Sessions, UserChange, UserForm, UserPage, UserView
from authlinc.service import accounts, open_sessions, roles
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.etags import etag
from masterlinc.http.idempotency import Keyed, idempotent

_READ = {"permission": "user:read"}
_MANAGE = {"permission": "user:manage"}


@get("/users", opt=_READ, summary="List the organization's users, or find one by e-mail address")
async def list_users(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    email: FromQuery[str | None] = None,
) -> UserPage:
    """Return users in the order in which they were made; an address is searched exactly."""
    return await accounts.list_users(ctx, email, page, page_size)


@post(
    "/users",
    opt=_MANAGE,
    summary="Make a user",
    operation_class=Keyed,
    responses={201: ResponseSpec(UserView, description="The user", generate_examples=False)},
)
async def make_user(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[UserForm]
) -> Response[bytes]:
    """Make a user without a password: nobody but they themselves chooses one."""
    return await idempotent(ctx, request, lambda: accounts.make_user(ctx, data))


@get("/users/{user:str}", opt=_READ, summary="Show a user")
async def get_user(ctx: NamedDependency[Context], user: FromPath[str]) -> Response[UserView]:
    """Return a user of the organization."""
    return _tagged(await accounts.show_user(ctx, ids.parse("USR", user)))


@patch("/users/{user:str}", opt=_MANAGE, summary="Change a user's names, roles or access")
async def change_user(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], user: FromPath[str], data: JSONBody[UserChange]
) -> Response[UserView]:
    """Change the version that `If-Match` names; a change of roles or access ends the user's sessions."""
    if_match = request.headers.get("if-match")
    return _tagged(await accounts.change_user(ctx, ids.parse("USR", user), data, if_match))


@get("/users/{user:str}/sessions", opt=_READ, summary="List a user's open sessions")
async def list_sessions(ctx: NamedDependency[Context], user: FromPath[str]) -> Sessions:
    """Return the sessions, the one used last first."""
    return Sessions(await open_sessions.list_sessions(ctx, ids.parse("USR", user)))


@delete("/users/{user:str}/sessions", opt=_MANAGE, status_code=200, summary="End all sessions of a user")
async def end_sessions(ctx: NamedDependency[Context], user: FromPath[str]) -> Ended:
    """Sign a user out everywhere."""
    return Ended(await open_sessions.close_sessions(ctx, ids.parse("USR", user), "admin"))


@delete("/sessions/{session:str}", opt=_MANAGE, summary="End a session of a user")
async def end_session(ctx: NamedDependency[Context], session: FromPath[str]) -> None:
    """End one session of a user of the organization."""
    await open_sessions.close_session(ctx, ids.parse("SES", session), "admin")


@get("/roles", opt={"permission": "role:read"}, summary="List the roles and what they grant")
async def list_roles(ctx: NamedDependency[Context]) -> Roles:
    """Return the roles with their titles in both languages."""
    return Roles(roles.list_roles(ctx))


def _tagged(user: UserView) -> Response[UserView]:
    return Response(user, headers={"ETag": etag(user)})


HANDLERS = [list_users, make_user, get_user, change_user, list_sessions, end_sessions, end_session, list_roles]
