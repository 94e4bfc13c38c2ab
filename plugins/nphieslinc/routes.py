"""Messages over HTTP."""

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import FromPath, FromQuery, JSONBody

from masterlinc.context import Context
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.http.openapi import body_of
from masterlinc.http.request import require_json
from masterlinc.ids import new_id
from nphieslinc import service
from nphieslinc.schemas import MessageView, SubmittedMessage, ValidationForm, ValidationView
from nphieslinc.validating import validate

_FHIR = "application/fhir+json"


@dataclass
class _Bundle(Keyed):
    """The operation of the route that takes a message byte for byte."""

    def __post_init__(self) -> None:
        super().__post_init__()
        bundle = Schema(type=OpenAPIType.OBJECT, description="A message bundle of NPHIES")
        self.request_body = body_of(bundle, _FHIR, "application/json")


class _Known(Exception):  # nothing was written, so there is nothing to keep under an Idempotency-Key
    def __init__(self, answer: SubmittedMessage) -> None:
        self.answer = answer
        super().__init__("known")


@post(
    "/nphies/messages",
    opt={"permission": "nphies:submit"},
    summary="Submit a NPHIES message bundle",
    operation_class=_Bundle,
)
async def submit_message(ctx: NamedDependency[Context], request: Request[Any, Any, Any]) -> Response[Any]:
    """Take a claim-request or priorauth-request as it is; sent again, it answers the same claim with 200."""
    require_json(request.scope["headers"])
    data = await request.body()

    async def run() -> SubmittedMessage:
        answer, new = await service.submit_message(ctx, data)
        if not new:
            raise _Known(answer)
        return answer

    try:
        return await idempotent(ctx, request, run)
    except _Known as known:
        return Response(known.answer, status_code=200)


@get("/nphies/messages/{message_id:str}", opt={"permission": "nphies:read"}, summary="Show a stored message")
async def get_message(
    ctx: NamedDependency[Context], message_id: FromPath[str], raw: FromQuery[bool] = False
) -> Response[Any]:
    """Return what is known of a message, or with `raw=true` the message byte for byte as it came."""
    if raw:
        return Response(await service.read_original(ctx, message_id), media_type=_FHIR)
    view: MessageView = await service.show_message(ctx, message_id)
    return Response(view)


@post(
    "/validate",
    status_code=200,
    opt={"permission": "nphies:read"},
    summary="Check a message against the rules of the exchange",
)
async def validate_message(data: JSONBody[ValidationForm]) -> ValidationView:
    """Check a message bundle or a resource alone, in layers; nothing is stored and nothing is sent."""
    report = await asyncio.to_thread(validate, bytes(data.claim_resource), data.validation_level)  # 10 MB take a second
    return ValidationView(str(new_id()), report.is_valid, report.layers, report.summary, report.summary_ar)


router = Router("/", route_handlers=[submit_message, get_message, validate_message])
