"""Claims over HTTP."""

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.schemas import AdjudicationView, ClaimDetail, ClaimForm, ClaimPage, SubmittedView
from claimlinc.service import intake, reading
from masterlinc.context import Context


@post("/claims/submit", opt={"permission": "claim:submit"}, summary="Submit a claim")
async def submit_claim(ctx: NamedDependency[Context], data: JSONBody[ClaimForm]) -> Response[SubmittedView]:
    """Record a claim and start its workflow; the same claim sent again answers the first one, with 200."""
    recorded = await intake.submit(ctx, data)
    view = SubmittedView(recorded.claim_id, recorded.status.value, recorded.submitted_at, ctx.config.estimated_minutes)
    return Response(view, status_code=200 if recorded.duplicate else 201)


@get("/claims/{claim_id:str}", opt={"permission": "claim:read"}, summary="Show a claim")
async def get_claim(ctx: NamedDependency[Context], claim_id: FromPath[str]) -> ClaimDetail:
    """Return a claim with its stages and lines, to its provider and its payer."""
    return await reading.show_claim(ctx, claim_id)


@get("/claims", opt={"permission": "claim:read"}, summary="List claims")
async def list_claims(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status_filter: FromQuery[str | None] = None,
) -> ClaimPage:
    """Return the provider's claims, or those addressed to the payer; the newest first."""
    return await reading.list_claims(ctx, page, page_size, status_filter)


@get("/claims/{claim_id:str}/adjudication", opt={"permission": "claim:read"}, summary="Explain a claim's decision")
async def get_adjudication(ctx: NamedDependency[Context], claim_id: FromPath[str]) -> AdjudicationView:
    """Return per line what each side pays, and each rule that looked with its figures."""
    return await reading.show_adjudication(ctx, claim_id)


router = Router("/", route_handlers=[submit_claim, get_claim, list_claims, get_adjudication])
