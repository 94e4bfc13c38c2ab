"""Authorizations over HTTP."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.authorization_schemas import (
    AuthorizationDetail,
    AuthorizationPage,
    ExtensionForm,
    NoticeForm,
    NoticeView,
)
from claimlinc.schemas import SubmittedView
from claimlinc.service import authorization_reading as reading
from claimlinc.service import extending, notices, releasing
from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent

_OK = 200


@get("/authorizations", opt={"permission": "claim:read"}, summary="List authorizations")
async def list_authorizations(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status_filter: FromQuery[str | None] = None,
) -> AuthorizationPage:
    """Return the authorizations that the payer gave, or that the provider got; the newest first."""
    wanted = paging.page(page, page_size)
    found, counted = await reading.list_authorizations(ctx, status_filter, limit=wanted.limit, offset=wanted.offset)
    total, exact = paging.capped(counted)
    return AuthorizationPage(found, total, page, page_size, exact)


@get("/authorizations/{authorization_id:str}", opt={"permission": "claim:read"}, summary="Show an authorization")
async def get_authorization(ctx: NamedDependency[Context], authorization_id: FromPath[str]) -> AuthorizationDetail:
    """Return an authorization with what is left of it, and what was granted and used when."""
    return await reading.show_authorization(ctx, authorization_id)


@post(
    "/authorizations/{authorization_id:str}/cancel",
    opt={"permission": "claim:submit"},
    summary="Cancel an authorization",
    operation_class=Keyed,
    status_code=_OK,
    responses={_OK: ResponseSpec(AuthorizationDetail, description="It is cancelled", generate_examples=False)},
)
async def cancel_authorization(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], authorization_id: FromPath[str]
) -> Response[bytes]:
    """Give back what the provider has not used; refused where nothing is left."""
    return await idempotent(ctx, request, lambda: releasing.cancel(ctx, authorization_id), status=_OK)


@post(
    "/authorizations/{authorization_id:str}/extend",
    opt={"permission": "claim:submit"},
    summary="Ask for more of an authorization",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(SubmittedView, description="The request was recorded", generate_examples=False),
        200: ResponseSpec(SubmittedView, description="It was recorded before", generate_examples=False),
    },
)
async def extend_authorization(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    authorization_id: FromPath[str],
    data: JSONBody[ExtensionForm],
) -> Response[bytes]:
    """Record a request for more units and days, which the payer decides anew."""
    return await idempotent(ctx, request, lambda: extending.extend(ctx, authorization_id, data))


@post(
    "/authorizations/notices",
    opt={"permission": "claim:submit"},
    summary="Give notice of an emergency",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(NoticeView, description="The notice was recorded", generate_examples=False),
        200: ResponseSpec(NoticeView, description="It was recorded before", generate_examples=False),
    },
)
async def give_notice(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[NoticeForm]
) -> Response[bytes]:
    """Tell a payer that its member came as an emergency, with proof of the time."""
    return await idempotent(ctx, request, lambda: notices.give_notice(ctx, data))


authorization_router = Router(
    "/",
    route_handlers=[list_authorizations, get_authorization, cancel_authorization, extend_authorization, give_notice],
)
