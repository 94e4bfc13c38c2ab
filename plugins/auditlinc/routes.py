"""The audit over HTTP: for auditors; and the two routes that the first system had."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from auditlinc import fhir
from auditlinc.schemas import CheckpointView, EventPage, FirstSystemList, Reported, ReportForm, ViewerList
from auditlinc.service import checkpoints, first_system, reporting, search
from auditlinc.service.search import Filter
from masterlinc.context import Context
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.wire import encode


async def _asked(  # noqa: PLR0913, PLR0917 - a search has this many filters
    patient: FromQuery[str | None] = None,
    actor: FromQuery[str | None] = None,
    action: FromQuery[str | None] = None,
    resource_type: FromQuery[str | None] = None,
    resource_id: FromQuery[str | None] = None,
    outcome: FromQuery[str | None] = None,
    purpose: FromQuery[str | None] = None,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
    cursor: FromQuery[str | None] = None,
    page_size: FromQuery[int] = 50,
) -> Filter:
    return Filter(
        patient=patient,
        actor=actor,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        outcome=outcome,
        purpose=purpose,
        since=since,
        until=until,
        cursor=cursor,
        page_size=page_size,
    )


@get(
    "/audit/events",
    opt={"permission": "audit:read"},
    summary="Search the audit",
    dependencies={"asked": Provide(_asked)},
)
async def list_events(ctx: NamedDependency[Context], asked: NamedDependency[Filter]) -> EventPage:
    """Return the newest rows that fit: by patient, actor, action, resource, outcome, purpose and time."""
    return await search.find_events(ctx, asked)


@get(
    "/audit/events/fhir",
    opt={"permission": "audit:read"},
    summary="Export the audit as FHIR AuditEvents",
    dependencies={"asked": Provide(_asked)},
    responses={200: ResponseSpec(dict[str, Any], description="A Bundle of AuditEvents", generate_examples=False)},
)
async def export_events(
    ctx: NamedDependency[Context], asked: NamedDependency[Filter], request: Request[Any, Any, Any]
) -> Response[bytes]:
    """Return the same page as a FHIR R4 Bundle; its link `next` leads on."""
    page = await search.find_events(ctx, asked)
    following = None
    if page.next_cursor is not None:
        filters = {name: value for name, value in request.query_params.items() if name != "cursor"}
        following = f"{request.scope['path']}?{urlencode(filters | {'cursor': page.next_cursor})}"
    made = fhir.bundle(page.events, request.scope["path"], following)
    return Response(encode(made), media_type=fhir.MEDIA_TYPE)


@get("/audit/patients/{patient_id:str}/viewers", opt={"permission": "audit:read"}, summary="Who saw a patient")
async def list_viewers(ctx: NamedDependency[Context], patient_id: FromPath[str]) -> ViewerList:
    """Return everybody who looked at a patient or changed something of theirs, the latest first."""
    return await search.find_viewers(ctx, patient_id)


@get("/audit/checkpoint", opt={"permission": "audit:read"}, summary="The audit's last seal, signed")
async def get_checkpoint(ctx: NamedDependency[Context]) -> CheckpointView:
    """Return what `masterlinc audit verify --checkpoint` compares with; keep it elsewhere."""
    return await checkpoints.show_checkpoint(ctx)


@post(
    "/log",
    opt={"permission": "audit:log"},
    operation_class=Keyed,
    status_code=200,
    summary="Report an event of another system",
    responses={200: ResponseSpec(Reported, description="It is in the audit", generate_examples=False)},
)
async def log_event(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[ReportForm]
) -> Response[bytes]:
    """Write an event into the audit, once for each event_id; the actor of the row is who holds the token."""
    return await idempotent(ctx, request, lambda: reporting.report(ctx, data), status=200)


@get(
    "/events", opt={"permission": "audit:read"}, summary="The newest rows of the audit, as the first system named them"
)
async def list_first_system_events(ctx: NamedDependency[Context], limit: FromQuery[int] = 100) -> FirstSystemList:
    """Return the newest rows, 100 at most."""
    return await first_system.list_events(ctx, limit)


router = Router(
    "/",
    route_handlers=[list_events, export_events, list_viewers, get_checkpoint, log_event, list_first_system_events],
)
