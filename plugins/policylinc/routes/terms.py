"""The routes of dated terms: `/api/v1/policies/terms`, `/proposals` and `/imports`."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import FromPath, FromQuery, JSONBody

from masterlinc.context import Context
from masterlinc.etags import etag
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.http.openapi import body_of
from policylinc.changes import proposals
from policylinc.changes.reading import read_file, read_json
from policylinc.changes.schemas import (
    DecisionForm,
    ImportAnswer,
    ProposalDetail,
    ProposalForm,
    ProposalPage,
    RefusalForm,
    TermsInForce,
)
from policylinc.changes.showing import terms_in_force
from policylinc.routes.members import form_of

_READ = {"permission": "terms:read"}
_PROPOSE = {"permission": "terms:propose"}
_APPROVE = {"permission": "terms:approve"}


@dataclass
class _File(Keyed):
    """The operation of the route that takes a file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        document = Schema(description="A document of terms, a list of some, or a table of prices or rules (CSV)")
        self.request_body = body_of(
            Schema(one_of=[document, Schema(type=OpenAPIType.STRING)]), "application/json", "text/csv"
        )


@get("/terms", opt=_READ, summary="Show the terms that hold on a day")
async def get_terms(
    ctx: NamedDependency[Context],
    kind: FromQuery[str] = "payer",
    subject: FromQuery[str] = "",
    on: FromQuery[date | None] = None,
) -> TermsInForce:
    """Return a product, price list, set of service rules, network or the payer's own terms as a document."""
    return await terms_in_force(ctx, kind, subject, on)


@post(
    "/proposals",
    opt=_PROPOSE,
    summary="Propose a change of terms",
    operation_class=Keyed,
    responses={201: ResponseSpec(ImportAnswer, description="The proposal", generate_examples=False)},
)
async def propose(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[ProposalForm]
) -> Response[bytes]:
    """Propose a whole new version of one subject from a day on; it holds when somebody else approves it."""
    read = read_json(bytes(data.document))
    return await idempotent(ctx, request, lambda: proposals.propose(ctx, read, data.reason, backdated=data.backdated))


@post(
    "/imports",
    opt=_PROPOSE,
    summary="Propose what a file says",
    operation_class=_File,
    responses={201: ResponseSpec(ImportAnswer, description="The proposals", generate_examples=False)},
)
async def take_terms(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    reason: FromQuery[str],
    backdated: FromQuery[bool] = False,
    check: FromQuery[bool] = False,
) -> Response[bytes]:
    """Make a proposal of each document of a file, or list every fault; with `check=true` nothing is proposed."""
    read = read_file(f"body.{form_of(request)}", await request.body())
    return await idempotent(
        ctx,
        request,
        lambda: proposals.propose(ctx, read, reason, backdated=backdated, check=check),
        status=200 if check else 201,
    )


@get("/proposals", opt=_READ, summary="List proposals")
async def list_proposals(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
) -> ProposalPage:
    """Return the payer's proposals, the latest first."""
    return await proposals.list_proposals(ctx, status, kind, page, page_size)


@get("/proposals/{proposal:str}", opt=_READ, summary="Show a proposal and what it changes")
async def get_proposal(ctx: NamedDependency[Context], proposal: FromPath[str]) -> Response[ProposalDetail]:
    """Return a proposal with its document and the difference to what holds."""
    return _tagged(await proposals.show_proposal(ctx, proposal))


@post("/proposals/{proposal:str}/approve", opt=_APPROVE, status_code=200, summary="Approve a proposal")
async def approve(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    proposal: FromPath[str],
    data: JSONBody[DecisionForm],
) -> Response[ProposalDetail]:
    """Let the version that `If-Match` names hold from its day on; nobody approves their own."""
    return _tagged(await proposals.approve(ctx, proposal, request.headers.get("if-match"), data.note))


@post("/proposals/{proposal:str}/decline", opt=_APPROVE, status_code=200, summary="Decline a proposal")
async def decline(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    proposal: FromPath[str],
    data: JSONBody[RefusalForm],
) -> Response[ProposalDetail]:
    """Refuse the version that `If-Match` names, and say why."""
    return _tagged(await proposals.decline(ctx, proposal, request.headers.get("if-match"), data.note))


@post("/proposals/{proposal:str}/withdraw", opt=_PROPOSE, status_code=200, summary="Take one's own proposal back")
async def withdraw(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    proposal: FromPath[str],
    data: JSONBody[DecisionForm],
) -> Response[ProposalDetail]:
    """Take back the version that `If-Match` names."""
    return _tagged(await proposals.withdraw(ctx, proposal, request.headers.get("if-match"), data.note))


def _tagged(proposal: ProposalDetail) -> Response[ProposalDetail]:
    return Response(proposal, headers={"ETag": etag(proposal)})


router = Router(
    "/policies",
    route_handlers=[
        get_terms,
        propose,
        take_terms,
        list_proposals,
        get_proposal,
        approve,
        decline,
        withdraw,
    ],
)
