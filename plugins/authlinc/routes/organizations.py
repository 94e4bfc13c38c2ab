"""`/api/v1/organizations`: the directory for everyone, its upkeep for the operator."""

from typing import Any

from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from authlinc.contract import OrganizationKind
from authlinc.schemas import (
    AdministratorForm,
    OrganizationChange,
    OrganizationForm,
    OrganizationPage,
    OrganizationView,
    UserView,
)
from authlinc.service import organizations
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.etags import etag
from masterlinc.http.idempotency import Keyed, idempotent

_READ = {"permission": "organization:read"}
_MANAGE = {"permission": "organization:manage"}


@get("/organizations", opt=_READ, summary="List the directory of organizations")
async def list_organizations(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    kind: FromQuery[OrganizationKind | None] = None,
) -> OrganizationPage:
    """Return organizations in the order in which they were made."""
    return await organizations.list_organizations(ctx, kind, page, page_size)


@get("/organizations/{organization:str}", opt=_READ, summary="Show an organization")
async def get_organization(ctx: NamedDependency[Context], organization: FromPath[str]) -> Response[OrganizationView]:
    """Return an organization of the directory."""
    return _tagged(await organizations.show_organization(ctx, ids.parse("ORG", organization)))


@post(
    "/organizations",
    opt=_MANAGE,
    summary="Make an organization",
    operation_class=Keyed,
    responses={201: ResponseSpec(OrganizationView, description="The organization", generate_examples=False)},
)
async def make_organization(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[OrganizationForm]
) -> Response[bytes]:
    """Make a provider, payer or operator with its licences."""
    return await idempotent(ctx, request, lambda: organizations.make_organization(ctx, data))


@patch("/organizations/{organization:str}", opt=_MANAGE, summary="Change or disable an organization")
async def change_organization(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    organization: FromPath[str],
    data: JSONBody[OrganizationChange],
) -> Response[OrganizationView]:
    """Change the version that `If-Match` names; disabling signs all its users out."""
    key, if_match = ids.parse("ORG", organization), request.headers.get("if-match")
    return _tagged(await organizations.change_organization(ctx, key, data, if_match))


@post(
    "/organizations/{organization:str}/administrators",
    opt=_MANAGE,
    summary="Name the first administrator of an organization",
    operation_class=Keyed,
    responses={201: ResponseSpec(UserView, description="The administrator", generate_examples=False)},
)
async def name_administrator(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    organization: FromPath[str],
    data: JSONBody[AdministratorForm],
) -> Response[bytes]:
    """Make the user who makes the organization's other users; without a password, as every user."""
    key = ids.parse("ORG", organization)
    return await idempotent(ctx, request, lambda: organizations.name_administrator(ctx, key, data))


def _tagged(organization: OrganizationView) -> Response[OrganizationView]:
    return Response(organization, headers={"ETag": etag(organization)})


HANDLERS = [list_organizations, get_organization, make_organization, change_organization, name_administrator]
