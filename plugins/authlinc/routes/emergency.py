"""`/api/v1/auth/break-glass`: emergency access to records."""

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from authlinc.schemas import BreakGlassForm, GrantOpened, Grants
from authlinc.service import emergency
from masterlinc import ids
from masterlinc.context import Context


@post("/break-glass", opt={"permission": "access:break_glass"}, summary="Open records in an emergency")
async def break_glass(data: JSONBody[BreakGlassForm], ctx: NamedDependency[Context]) -> GrantOpened:
    """Return a token that reads, for minutes; whose records they are is told at once."""
    return await emergency.open_access(ctx, data)


@get("/break-glass", opt={"permission": "session:own"}, summary="List emergency accesses")
async def list_accesses(ctx: NamedDependency[Context]) -> Grants:
    """Return one's own, or with `access:review` those of the organization, the newest first."""
    return Grants(await emergency.list_accesses(ctx))


@delete("/break-glass/{grant:str}", opt={"permission": "session:own"}, summary="End an emergency access")
async def end_access(ctx: NamedDependency[Context], grant: FromPath[str]) -> None:
    """End one's own access, or as who manages users that of another."""
    await emergency.end_access(ctx, ids.parse("BRG", grant))


HANDLERS = [break_glass, list_accesses, end_access]
