"""The routes of tools: MCP at `/mcp`, and the cards of agents. They are there only where tools are on."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Operation, Schema
from litestar.params import FromPath

from masterlinc.context import Context
from masterlinc.errors import Forbidden
from masterlinc.http.openapi import body_of
from masterlinc.http.request import require_json
from masterlinc.settings import Settings
from masterlinc.tools import cards
from masterlinc.tools.cards import Card
from masterlinc.tools.server import MAX_BYTES, ToolServer
from masterlinc.wire import guard

_ANSWER = ResponseSpec(dict[str, Any], description="A message of JSON-RPC 2.0", generate_examples=False)


@dataclass
class _Message(Operation):
    """The operation of the route that hands its body to the MCP SDK."""

    def __post_init__(self) -> None:
        message = Schema(type=OpenAPIType.OBJECT, description="A message of JSON-RPC 2.0")
        self.request_body = body_of(message, "application/json")


class OriginRefused(Forbidden):
    """A page of another site sent this request from its visitor's browser."""

    code = "origin-refused"
    title, title_ar = "This origin may not call here", "هذا المصدر غير مسموح له بالطلب"


@post(
    cards.PATH,
    opt={"permission": "task:execute"},
    status_code=200,
    summary="Tools for AI clients (Model Context Protocol)",
    operation_class=_Message,
    responses={200: _ANSWER},
)
async def mcp(
    request: Request[Any, Any, Any], ctx: NamedDependency[Context], tool_server: NamedDependency[ToolServer]
) -> Response[bytes]:
    """Answer one message of an MCP client: which tools there are for this caller, or a call of one."""
    _check_origin(request, ctx.settings)
    require_json(request.scope["headers"])
    body = await request.body()
    guard(body, max_bytes=MAX_BYTES)
    answer = await tool_server.answer(ctx, request.scope["headers"], body)
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=answer.headers.get(b"content-type", b"application/json").decode("latin-1"),
    )


@get("/.well-known/agent-card.json", opt={"permission": "agent:read"}, summary="The card of the system (A2A)")
async def system_card(ctx: NamedDependency[Context], tool_server: NamedDependency[ToolServer]) -> Card:
    """Return what the system can do for this caller."""
    return cards.system_card(ctx.settings, ctx.services.registry, tool_server.tools, ctx.principal)


@get("/agents/{agent_id:str}/card", opt={"permission": "agent:read"}, summary="The card of an agent (A2A)")
async def agent_card(
    agent_id: FromPath[str], ctx: NamedDependency[Context], tool_server: NamedDependency[ToolServer]
) -> Card:
    """Return what an agent can do for this caller."""
    return cards.agent_card(ctx.settings, ctx.services.registry, tool_server.tools, ctx.principal, agent_id)


def root_router(server: ToolServer) -> Router:
    """Return the routes at the root."""
    return _router(server, mcp, system_card)


def api_router(server: ToolServer) -> Router:
    """Return the routes of the API."""
    return _router(server, agent_card)


def _router(server: ToolServer, *handlers: Any) -> Router:
    provided = {"tool_server": Provide(lambda: server, sync_to_thread=False)}
    return Router("/", route_handlers=list(handlers), dependencies=provided, tags=["Tools for AI"])


def _check_origin(request: Request[Any, Any, Any], settings: Settings) -> None:
    """Refuse pages of other sites (DNS rebinding); programs that are no browser send no Origin."""
    allowed = {cards.origin(settings), *settings.tools.origins}
    sent = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"origin"]
    if any(one not in allowed for one in sent):
        raise OriginRefused
