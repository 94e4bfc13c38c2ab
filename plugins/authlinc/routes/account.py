"""`/api/v1/auth`: one's own names, password and sessions."""

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from authlinc.routes.session import shown
from authlinc.schemas import Ended, Me, NamesChange, PasswordChange, Sessions
from authlinc.service import open_sessions, own_account
from masterlinc import ids
from masterlinc.context import Context

_OWN = {"permission": "account:own"}


@patch("/me", opt=_OWN, summary="Change one's own names")
async def change_me(ctx: NamedDependency[Context], data: JSONBody[NamesChange]) -> Response[Me]:
    """Change the caller's names; roles and address are changed by an administrator."""
    return Response(shown(ctx, await own_account.change_names(ctx, data)))


@post("/password", opt=_OWN, status_code=200, summary="Choose a new password of one's own")
async def change_password(ctx: NamedDependency[Context], data: JSONBody[PasswordChange]) -> Ended:
    """Change the password with the present one; every other session ends."""
    return Ended(await own_account.change_password(ctx, data))


@get("/sessions", opt=_OWN, summary="List one's own open sessions")
async def list_sessions(ctx: NamedDependency[Context]) -> Sessions:
    """Return the sessions, the one used last first."""
    return Sessions(await open_sessions.list_sessions(ctx, ctx.principal.user_id))


@delete("/sessions", opt=_OWN, status_code=200, summary="End one's other sessions")
async def end_other_sessions(ctx: NamedDependency[Context]) -> Ended:
    """Sign out everywhere else."""
    who = ctx.principal
    return Ended(await open_sessions.close_sessions(ctx, who.user_id, "closed", keep=who.session_id))


@delete("/sessions/{session:str}", opt=_OWN, summary="End one of one's own sessions")
async def end_session(ctx: NamedDependency[Context], session: FromPath[str]) -> None:
    """End a session, the present one too."""
    await open_sessions.close_session(ctx, ids.parse("SES", session), "closed", of=ctx.principal.user_id)


HANDLERS = [change_me, change_password, list_sessions, end_other_sessions, end_session]
