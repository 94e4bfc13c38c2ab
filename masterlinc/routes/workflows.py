"""Workflows over HTTP: one, many, what has happened, and what is done to them."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Raw, Struct, field

from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.idempotency import Answer
from masterlinc.routes import managing, reading
from masterlinc.routes.reading import moment, show_workflow, user, workflow_id
from masterlinc.routes.timeline import Timeline, show_timeline
from masterlinc.routes.workflow_queries import Filter
from masterlinc.routes.workflow_views import WorkflowSummary, WorkflowView
from masterlinc.wire import encode
from masterlinc.workflow.form import Name, null

_READ = {"permission": "workflow:read"}
_EXECUTE = {"permission": "workflow:execute"}


class WorkflowPage(Struct):
    """A page of workflows."""

    workflows: list[WorkflowSummary]
    total: int
    page: int
    page_size: int
    total_exact: bool


class Cancellation(Struct, forbid_unknown_fields=True):
    """Why a workflow is cancelled."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class SignalForm(Struct, forbid_unknown_fields=True):
    """A signal, and what the waiting step will answer."""

    name: Name
    payload: Raw = field(default_factory=null)


class ForkForm(Struct, forbid_unknown_fields=True):
    """From which step a workflow is done anew."""

    from_step: Name
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


@get("/workflows/{workflow:str}", opt=_READ, summary="Show a workflow")
async def get_workflow(
    ctx: NamedDependency[Context],
    workflow: FromPath[str],
    wait_seconds: FromQuery[float] = 0,
) -> Response[WorkflowView]:
    """Return a workflow with its steps, and the results that the caller may see; `wait_seconds` waits for its end."""
    key = workflow_id(workflow)
    reading.check_wait(wait_seconds)
    if wait_seconds:
        async with ctx.transaction(read_only=True) as transaction:
            await reading.load(transaction, key)
        await ctx.services.finished.wait(key, wait_seconds)
    seen, tag = await show_workflow(ctx, key)
    return Response(seen, headers={"ETag": tag})


@get("/workflows", opt=_READ, summary="List workflows")
async def list_workflows(  # noqa: PLR0913, PLR0917 - a list has this many filters
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status: FromQuery[str | None] = None,
    name: FromQuery[str | None] = None,
    agent: FromQuery[str | None] = None,
    started_by: FromQuery[str | None] = None,
    created_from: FromQuery[str | None] = None,
    created_to: FromQuery[str | None] = None,
    key: FromQuery[str | None] = None,
    stuck: FromQuery[bool] = False,
) -> WorkflowPage:
    """Return the organization's workflows, the newest first; `stuck=true` those that do not go on by themselves."""
    wanted = paging.page(page, page_size)
    chosen = Filter(
        name=name,
        agent=agent,
        started_by=user("started_by", started_by),
        created_from=moment("created_from", created_from),
        created_to=moment("created_to", created_to),
        key=key,
        stuck=stuck,
    )
    found, counted = await reading.list_workflows(ctx, chosen, status, wanted.limit, wanted.offset)
    total, exact = paging.capped(counted)
    return WorkflowPage(found, total, page, page_size, exact)


@get("/workflows/{workflow:str}/timeline", opt=_READ, summary="Tell what has happened to a workflow")
async def get_timeline(ctx: NamedDependency[Context], workflow: FromPath[str]) -> Timeline:
    """Return what has happened, in order: steps, failed attempts, signals, retries, takeovers."""
    return await show_timeline(ctx, workflow)


@post(
    "/workflows/{workflow:str}/retry", opt=_EXECUTE, status_code=200, summary="Retry a workflow", operation_class=Keyed
)
async def retry_workflow(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], workflow: FromPath[str]
) -> Response[bytes]:
    """Go on with a parked or failed workflow where it stopped."""
    return await idempotent(ctx, request, lambda: _after(ctx, workflow, managing.retry, request), status=200)


@post(
    "/workflows/{workflow:str}/cancel",
    opt=_EXECUTE,
    status_code=200,
    summary="Cancel a workflow",
    operation_class=Keyed,
)
async def cancel_workflow(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    workflow: FromPath[str],
    data: JSONBody[Cancellation],
) -> Response[bytes]:
    """Stop a workflow; compensations of what was done run, the latest first."""
    return await idempotent(
        ctx, request, lambda: _after(ctx, workflow, managing.cancel, request, data.reason), status=200
    )


@post(
    "/workflows/{workflow:str}/signal",
    opt=_EXECUTE,
    status_code=200,
    summary="Signal a workflow",
    operation_class=Keyed,
)
async def signal_workflow(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    workflow: FromPath[str],
    data: JSONBody[SignalForm],
) -> Response[bytes]:
    """Send what a step waits for; it is kept until the step comes to it."""
    return await idempotent(
        ctx,
        request,
        lambda: _after(ctx, workflow, managing.signal, request, data.name, data.payload),
        status=200,
    )


@post("/workflows/{workflow:str}/fork", opt=_EXECUTE, summary="Fork a workflow from a step", operation_class=Keyed)
async def fork_workflow(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], workflow: FromPath[str], data: JSONBody[ForkForm]
) -> Response[bytes]:
    """Start the same plan anew from a step on, the earlier results kept; 200 where its key had started it before."""

    async def run() -> Answer:
        if_match = request.headers.get("if-match")
        made, new = await managing.fork(ctx, workflow_id(workflow), if_match, data.from_step, data.key)
        seen, _ = await show_workflow(ctx, made)
        return Answer(201 if new else 200, encode(seen))

    return await idempotent(ctx, request, run)


async def _after(ctx: Context, workflow: str, act: Any, request: Request[Any, Any, Any], *more: Any) -> WorkflowView:
    """Do something to a workflow and return how it stands then."""
    key = workflow_id(workflow)
    await act(ctx, key, request.headers.get("if-match"), *more)
    seen, _ = await show_workflow(ctx, key)
    return seen
