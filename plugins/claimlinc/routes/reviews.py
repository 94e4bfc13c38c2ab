"""Review over HTTP: the queue of a payer's people, and what a provider says about a claim."""

from typing import Any

from litestar import Request, Response, Router, get, post, put
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.review_schemas import (
    AppealForm,
    AssigneeForm,
    ClaimReview,
    ConfirmationForm,
    ReopeningForm,
    RerunForm,
    ReviewDetail,
    ReviewMoved,
    ReviewPage,
    ReviewTermsForm,
    ReviewTermsList,
    ReviewTermsView,
    RulingsForm,
    SaidForm,
)
from claimlinc.service import appealing, cases, judging, review_terms, reviewing
from claimlinc.service.cases import Case
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.etags import etag
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent

_REVIEW, _TERMS = {"permission": "claim:review"}, {"permission": "claim:review_terms"}
Asked = Request[Any, Any, Any]
_MOVED = {200: ResponseSpec(ReviewMoved, description="How the case stands", generate_examples=False)}
_TOLD = {201: ResponseSpec(ClaimReview, description="It is the payer's turn", generate_examples=False)}


@get("/reviews", opt=_REVIEW, summary="List the cases that wait for a person")
async def list_reviews(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    show: FromQuery[str] = "open",
) -> ReviewPage:
    """Return the payer's open cases, the oldest due first: all, mine, unassigned, escalated or due."""
    wanted = paging.page(page, page_size)
    found, counted = await reviewing.list_cases(ctx, show, limit=wanted.limit, offset=wanted.offset)
    total, exact = paging.capped(counted)
    return ReviewPage(found, total, page, page_size, exact)


@post(
    "/reviews",
    opt=_REVIEW,
    responses={201: ResponseSpec(ReviewMoved, description="The case is open", generate_examples=False)},
    summary="Look again at a decided claim",
    operation_class=Keyed,
)
async def reopen(ctx: NamedDependency[Context], request: Asked, data: JSONBody[ReopeningForm]) -> Response[bytes]:
    """Open a case on a claim that the payer decided, with the reason for which it may be issued again."""
    return await idempotent(ctx, request, lambda: _moved(reviewing.reopen(ctx, data)))


@get("/reviews/{review:str}", opt=_REVIEW, summary="Show a case")
async def get_review(ctx: NamedDependency[Context], review: FromPath[str]) -> Response[ReviewDetail]:
    """Return the claim's lines, the last decision with its trace, and all that happened to the case."""
    shown, case = await reviewing.show_case(ctx, review)
    return Response(shown, headers={"ETag": etag(cases.version(case))})


@put("/reviews/{review:str}/assignee", opt=_REVIEW, summary="Take a case, give it to somebody, or put it back")
async def assign(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[AssigneeForm]
) -> Response[ReviewMoved]:
    """Change who works on the version that `If-Match` names."""
    case = await reviewing.assign(ctx, review, data, _version(request))
    return Response(_view(case), headers={"ETag": etag(cases.version(case))})


@post(
    "/reviews/{review:str}/escalations",
    opt=_REVIEW,
    status_code=200,
    responses=_MOVED,
    summary="Put a case before those who decide what is hard",
    operation_class=Keyed,
)
async def escalate(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[SaidForm]
) -> Response[bytes]:
    """Escalate the version that `If-Match` names; nobody has it then."""
    return await idempotent(
        ctx, request, lambda: _moved(reviewing.escalate(ctx, review, data, _version(request))), status=200
    )


@post(
    "/reviews/{review:str}/questions",
    opt=_REVIEW,
    status_code=200,
    responses=_MOVED,
    summary="Ask the provider for information",
    operation_class=Keyed,
)
async def ask(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[SaidForm]
) -> Response[bytes]:
    """Ask about the version that `If-Match` names; the answer brings the case back."""
    return await idempotent(
        ctx, request, lambda: _moved(reviewing.ask(ctx, review, data, _version(request))), status=200
    )


@post(
    "/reviews/{review:str}/decision",
    opt=_REVIEW,
    status_code=200,
    responses=_MOVED,
    summary="Decide a case",
    operation_class=Keyed,
)
async def decide(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[RulingsForm]
) -> Response[bytes]:
    """Decide the version that `If-Match` names, line by line; above an amount it waits for a second person."""
    return await idempotent(
        ctx, request, lambda: _moved(judging.decide_case(ctx, review, data, _version(request))), status=200
    )


@post(
    "/reviews/{review:str}/confirmation",
    opt={"permission": "claim:review_second"},
    status_code=200,
    responses=_MOVED,
    summary="Agree to what another person decided, or send it back",
    operation_class=Keyed,
)
async def confirm(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[ConfirmationForm]
) -> Response[bytes]:
    """Confirm the version that `If-Match` names; who decided it cannot."""
    return await idempotent(
        ctx, request, lambda: _moved(judging.confirm_case(ctx, review, data, _version(request))), status=200
    )


@post(
    "/reviews/{review:str}/rerun",
    opt=_REVIEW,
    status_code=200,
    responses=_MOVED,
    summary="Let the rules decide a case again",
    operation_class=Keyed,
)
async def rerun(
    ctx: NamedDependency[Context], request: Asked, review: FromPath[str], data: JSONBody[RerunForm]
) -> Response[bytes]:
    """Decide the version that `If-Match` names by the rules, with what is known now."""
    return await idempotent(
        ctx, request, lambda: _moved(judging.rerun_case(ctx, review, data, _version(request))), status=200
    )


@get("/review-terms", opt=_TERMS, summary="Show how the payer's people work")
async def list_review_terms(ctx: NamedDependency[Context]) -> ReviewTermsList:
    """Return the amount that one person may decide, the days for an appeal and the hours for an answer, by date."""
    return await review_terms.list_terms(ctx)


@post(
    "/review-terms",
    opt=_TERMS,
    responses={201: ResponseSpec(ReviewTermsView, description="They hold from that day", generate_examples=False)},
    summary="Say how the payer's people work from a day on",
    operation_class=Keyed,
)
async def add_review_terms(
    ctx: NamedDependency[Context], request: Asked, data: JSONBody[ReviewTermsForm]
) -> Response[bytes]:
    """Add terms of review from a later day on; what was decided before stays."""
    return await idempotent(ctx, request, lambda: review_terms.add_terms(ctx, data))


@get("/claims/{claim_id:str}/review", opt={"permission": "claim:read"}, summary="Show what was said about a claim")
async def get_claim_review(ctx: NamedDependency[Context], claim_id: FromPath[str]) -> ClaimReview:
    """Return the provider's appeals, the payer's questions and what was answered."""
    return await appealing.show_review(ctx, claim_id)


@post(
    "/claims/{claim_id:str}/appeals",
    opt={"permission": "claim:appeal"},
    responses=_TOLD,
    summary="Appeal against the decision on a claim",
    operation_class=Keyed,
)
async def appeal(
    ctx: NamedDependency[Context], request: Asked, claim_id: FromPath[str], data: JSONBody[AppealForm]
) -> Response[bytes]:
    """Ask the payer to decide a claim again."""
    return await idempotent(ctx, request, lambda: appealing.appeal(ctx, claim_id, data))


@post(
    "/claims/{claim_id:str}/information",
    opt={"permission": "claim:appeal"},
    responses=_TOLD,
    summary="Tell the payer what it asked about a claim",
    operation_class=Keyed,
)
async def inform(
    ctx: NamedDependency[Context], request: Asked, claim_id: FromPath[str], data: JSONBody[SaidForm]
) -> Response[bytes]:
    """Answer the payer's question; its people go on then."""
    return await idempotent(ctx, request, lambda: appealing.inform(ctx, claim_id, data))


async def _moved(work: Any) -> ReviewMoved:
    return _view(await work)


def _view(case: Case) -> ReviewMoved:
    assignee = ids.show("USR", case.assigned_to) if case.assigned_to else None
    return ReviewMoved(case.reference, case.state.value, assignee, case.escalated_at is not None)


def _version(request: Asked) -> str | None:
    return request.headers.get("if-match")


review_router = Router(
    "/",
    route_handlers=[
        list_reviews,
        reopen,
        get_review,
        assign,
        escalate,
        ask,
        decide,
        confirm,
        rerun,
        list_review_terms,
        add_review_terms,
        get_claim_review,
        appeal,
        inform,
    ],
)
