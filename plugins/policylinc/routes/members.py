"""The routes of a payer's members: `/api/v1/members`."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Reference, Schema
from litestar.params import FromPath, FromQuery

from masterlinc.context import Context
from masterlinc.errors import UnsupportedMedia
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.http.openapi import body_of
from masterlinc.http.request import require_json
from policylinc.roster.importing import Form, import_members
from policylinc.roster.rows import COLUMNS, Summary
from policylinc.roster.showing import list_members, show_member
from policylinc.schemas import MemberPage, MemberView

_CSV = (b"text/csv", b"text/csv; charset=utf-8", b"text/csv;charset=utf-8")


@dataclass
class _File(Keyed):
    """The operation of the route that takes a file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        text = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL])
        fields: dict[str, Reference | Schema] = dict.fromkeys(COLUMNS, text)
        line = Schema(type=OpenAPIType.OBJECT, properties=fields)
        self.request_body = body_of(Schema(type=OpenAPIType.ARRAY, items=line), "application/json", "text/csv")


@post(
    "/import",
    status_code=200,
    opt={"permission": "member:manage"},
    summary="Add, change and end members by a file",
    operation_class=_File,
    responses={200: ResponseSpec(Summary, description="What the file did", generate_examples=False)},
)
async def take_file(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], check: FromQuery[bool] = False
) -> Response[bytes]:
    """Take a CSV file or a JSON list: all of it, or every fault of it; with `check=true` nothing is changed."""
    form = form_of(request)
    data = await request.body()
    payer = ctx.principal.organization_id
    return await idempotent(ctx, request, lambda: import_members(ctx, payer, data, form, check=check), status=200)


@get("", opt={"permission": "member:read"}, summary="List a payer's members")
async def get_members(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    search: FromQuery[str | None] = None,
    policy_number: FromQuery[str | None] = None,
) -> MemberPage:
    """Return members in the order of their numbers; `search` is a member number, and `policy_number` a policy's."""
    return await list_members(ctx, search, policy_number, paging.page(page, page_size))


@get("/{member_id:str}", opt={"permission": "member:read"}, summary="Show a member")
async def get_member(ctx: NamedDependency[Context], member_id: FromPath[str]) -> MemberView:
    """Return a member with covers over renewals, changes and dependants; of identifiers only how they end."""
    return await show_member(ctx, member_id)


def form_of(request: Request[Any, Any, Any]) -> Form:
    """Say whether a file came as CSV or JSON; raises UnsupportedMedia for anything else."""
    kind = dict(request.scope["headers"]).get(b"content-type", b"").strip().lower()
    if kind in _CSV:
        return "csv"
    try:
        require_json(request.scope["headers"])
    except UnsupportedMedia:
        raise UnsupportedMedia(
            "Send the file as text/csv or application/json in UTF-8",
            "يجب إرسال الملف بصيغة text/csv أو application/json وترميز UTF-8",
        ) from None
    return "json"


router = Router("/members", route_handlers=[take_file, get_members, get_member])
