"""`/api/v1/auth/password/reset`, `/choose` and `/api/v1/users/{user}/invitation`: a password chosen by a link."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from authlinc.link_schemas import ChoiceRequest, Mailed, ResetRequest
from authlinc.service import password_links
from masterlinc import ids
from masterlinc.context import Context


@post(
    "/password/reset",
    opt={"public": "who forgot their password has no token"},
    status_code=202,
    summary="Ask for a link to choose a new password",
)
async def ask_for_reset(data: JSONBody[ResetRequest], ctx: NamedDependency[Context]) -> Mailed:
    """Send a link to the user of an address; the answer is the same where there is none."""
    await password_links.ask_for_reset(ctx, data.email)
    return Mailed("If there is such an account, a mail is on its way", "إذا كان الحساب موجوداً فالرسالة في طريقها إليك")


@post(
    "/password/choose",
    opt={"public": "the token of the link in the body is the credential"},
    status_code=204,
    summary="Choose a password by a link",
)
async def choose(data: JSONBody[ChoiceRequest], ctx: NamedDependency[Context]) -> None:
    """Choose a password; what the user was signed in to ends, and they sign in with it."""
    await password_links.choose(ctx, data.token, data.password)


@post(
    "/users/{user:str}/invitation",
    opt={"permission": "user:manage"},
    status_code=202,
    summary="Send an invitation to a user without a password",
)
async def invite(user: FromPath[str], ctx: NamedDependency[Context]) -> Mailed:
    """Send a user of the own organization a link to choose their first password."""
    await password_links.invite(ctx, ids.parse("USR", user))
    return Mailed("The invitation is on its way", "الدعوة في طريقها")


HANDLERS = [ask_for_reset, choose]
USER_HANDLERS = [invite]
