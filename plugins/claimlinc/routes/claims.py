"""Claims over HTTP."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.chain_schemas import CancelForm, ClaimCancelledView
from claimlinc.replay import simulating
from claimlinc.replay.schemas import Simulation, SimulationForm
from claimlinc.research_queries import Wanted
from claimlinc.research_schemas import ResearchPage
from claimlinc.routes.payments import PAYMENT_ROUTES
from claimlinc.routes.remittances import REMITTANCE_ROUTES
from claimlinc.schemas import (
    AdjudicationSeen,
    ClaimForm,
    ClaimSeen,
    ClaimsSeen,
    SubmittedView,
)
from claimlinc.service import audiences, cancelling, correcting, reading, researching, submitting
from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent, idempotent_call


@post(
    "/claims/submit",
    opt={"permission": "claim:submit"},
    summary="Submit a claim",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(SubmittedView, description="The claim was recorded", generate_examples=False),
        200: ResponseSpec(SubmittedView, description="It was recorded before", generate_examples=False),
    },
)
async def submit_claim(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[ClaimForm]
) -> Response[bytes]:
    """Record a claim and start its workflow; the same claim sent again answers the first one, with 200."""
    return await idempotent_call(ctx, request, lambda key: submitting.submit(ctx, data, key))


@post(
    "/claims/{claim_id:str}/correct",
    opt={"permission": "claim:submit"},
    summary="Correct a decided claim by a new one",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(SubmittedView, description="The correction was recorded", generate_examples=False),
        200: ResponseSpec(SubmittedView, description="It was recorded before", generate_examples=False),
    },
)
async def correct_claim(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    claim_id: FromPath[str],
    data: JSONBody[ClaimForm],
) -> Response[bytes]:
    """Record a whole new claim that stands in the place of an old one once the payer has decided it."""
    return await idempotent(ctx, request, lambda: correcting.correct(ctx, claim_id, data))


@post(
    "/claims/{claim_id:str}/cancel",
    opt={"permission": "claim:cancel"},
    summary="Cancel a claim",
    operation_class=Keyed,
    status_code=200,
    responses={200: ResponseSpec(ClaimCancelledView, description="It is cancelled", generate_examples=False)},
)
async def cancel_claim(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    claim_id: FromPath[str],
    data: JSONBody[CancelForm],
) -> Response[bytes]:
    """Take a claim back that is not paid: the payer's decision ends, and the member's ledger is reversed."""
    return await idempotent(ctx, request, lambda: cancelling.cancel(ctx, claim_id, data), status=200)


@get("/claims/{claim_id:str}", opt={"permission": "claim:read"}, summary="Show a claim")
async def get_claim(ctx: NamedDependency[Context], claim_id: FromPath[str]) -> ClaimSeen:
    """Return a claim with its stages and lines, to its provider and, less of it, to its payer."""
    return await reading.show_claim(ctx, claim_id)


@get("/claims", opt={"permission": "claim:read"}, summary="List claims")
async def list_claims(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status_filter: FromQuery[str | None] = None,
) -> ClaimsSeen:
    """Return the provider's claims, or those addressed to the payer; the newest first."""
    wanted = paging.page(page, page_size)
    claims, counted = await reading.list_claims(ctx, status_filter, limit=wanted.limit, offset=wanted.offset)
    total, exact = paging.capped(counted)
    return audiences.paged(claims, (total, page, page_size, exact))


@get("/claims/{claim_id:str}/adjudication", opt={"permission": "claim:read"}, summary="Explain a claim's decision")
async def get_adjudication(ctx: NamedDependency[Context], claim_id: FromPath[str]) -> AdjudicationSeen:
    """Return per line what each side pays, and each rule that looked; its inputs to the payer alone."""
    return await reading.show_adjudication(ctx, claim_id)


@post(
    "/adjudications/simulate",
    opt={"permission": "adjudication:simulate"},
    summary="Decide past claims on other terms, to see",
    status_code=200,
)
async def simulate(ctx: NamedDependency[Context], data: JSONBody[SimulationForm]) -> Simulation:
    """Return what would have been decided and what differs; nothing is changed."""
    return await simulating.simulate(ctx, data)


@get("/research/claims", opt={"permission": "research:read"}, summary="Groups of claims for research")
async def list_research(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    first_month: FromQuery[str | None] = None,
    last_month: FromQuery[str | None] = None,
    claim_type: FromQuery[str | None] = None,
) -> ResearchPage:
    """Return de-identified groups of closed months; each claim is counted in one group at most."""
    size = paging.page(page, page_size)
    first, last = researching.month("first_month", first_month), researching.month("last_month", last_month)
    wanted = Wanted(first, last, claim_type)
    groups, counted = await researching.list_groups(ctx, wanted, limit=size.limit, offset=size.offset)
    total, exact = paging.capped(counted)
    return ResearchPage(groups, total, page, page_size, exact)


router = Router(
    "/",
    route_handlers=[
        submit_claim,
        correct_claim,
        cancel_claim,
        get_claim,
        list_claims,
        get_adjudication,
        list_research,
        simulate,
        *PAYMENT_ROUTES,
        *REMITTANCE_ROUTES,
    ],
)
