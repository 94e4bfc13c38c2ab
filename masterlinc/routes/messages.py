"""Messages over HTTP."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.idempotency import Answer
from masterlinc.messages.queries import Wanted
from masterlinc.routes import inbox
from masterlinc.routes.examples import MESSAGE, body
from masterlinc.routes.inbox import STATES, MessageForm, MessageSummary, MessageView
from masterlinc.wire import encode

_READ = {"permission": "message:read"}


class MessagePage(Struct):
    """A page of messages."""

    messages: list[MessageSummary]
    total: int
    page: int
    page_size: int
    total_exact: bool


@post(
    "/message/route",
    opt={"permission": "message:send"},
    summary="Send a message to an agent",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(MessageSummary, description="The message is kept", generate_examples=False),
        200: ResponseSpec(MessageSummary, description="It was sent before under its key", generate_examples=False),
    },
)
async def route_message(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: Annotated[MessageForm, body(MESSAGE)]
) -> Response[bytes]:
    """Keep a message in the receiver's inbox; where its type is a task of the receiver, that task handles it."""

    async def run() -> Answer:
        message, new = await inbox.send(ctx, data)
        return Answer(201 if new else 200, encode(message))

    return await idempotent(ctx, request, run)


@get("/messages", opt=_READ, summary="List messages")
async def list_messages(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    receiver: FromQuery[str | None] = None,
    sender: FromQuery[str | None] = None,
    wanted_state: Annotated[str | None, QueryParameter(name="state")] = None,  # Litestar keeps `state` for itself
) -> MessagePage:
    """Return messages in the order of an inbox: by priority, the oldest first; without their content."""
    wanted = paging.page(page, page_size)
    if wanted_state is not None and wanted_state not in STATES:
        words = ", ".join(STATES)
        error = FieldError("state", "choice", f"The value must be one of {words}", f"يجب أن تكون القيمة إحدى: {words}")
        raise Invalid(f"state: {error.detail}", f"state: {error.detail_ar}", errors=[error])
    found, counted = await inbox.list_messages(ctx, Wanted(receiver, sender, wanted_state), wanted.limit, wanted.offset)
    total, exact = paging.capped(counted)
    return MessagePage(found, total, page, page_size, exact)


@get("/messages/{message_id:str}", opt=_READ, summary="Show a message")
async def get_message(ctx: NamedDependency[Context], message_id: FromPath[str]) -> MessageView:
    """Return a message with its content."""
    return await inbox.show_message(ctx, message_id)


@post(
    "/messages/{message_id:str}/acknowledge",
    opt=_READ,
    status_code=200,
    summary="Note that a message was seen to its end",
)
async def acknowledge_message(ctx: NamedDependency[Context], message_id: FromPath[str]) -> MessageSummary:
    """Take a message out of the inbox; 409 while its task is at work."""
    return await inbox.acknowledge(ctx, message_id)
