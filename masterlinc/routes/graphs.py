"""Running a graph of steps that a user sends."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from msgspec import Struct

from masterlinc.context import Context
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.idempotency import Answer
from masterlinc.ids import parse
from masterlinc.routes.examples import GRAPH, body
from masterlinc.routes.reading import show_workflow
from masterlinc.routes.submitting import PREFIX, Asked, submit
from masterlinc.routes.workflow_views import WorkflowView
from masterlinc.wire import encode, load, tree
from masterlinc.workflow.form import Graph
from masterlinc.workflow.graph import compile_graph


class _Taken(Struct):
    workflow_id: str


@post(
    "/workflow/execute",
    opt={"permission": "workflow:execute"},
    summary="Run a workflow",
    operation_class=Keyed,
    responses={
        201: ResponseSpec(WorkflowView, description="The workflow was started", generate_examples=False),
        200: ResponseSpec(WorkflowView, description="Its key had started it before", generate_examples=False),
    },
)
async def execute_workflow(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: Annotated[Graph, body(GRAPH)]
) -> Response[bytes]:
    """Check a graph of steps, run it durably, and answer how far it is after `wait_seconds` at most."""
    taken = await idempotent(ctx, request, lambda: _start(ctx, data))
    workflow = parse(PREFIX, load(taken.content, _Taken).workflow_id)
    taken.content = encode(await _awaited(ctx, workflow, data.wait_seconds))
    return taken


async def _start(ctx: Context, graph: Graph) -> Answer:
    plan = compile_graph(graph, ctx.services.registry, ctx.principal)
    asked = Asked(graph.workflow_name, graph.priority, graph.key, tree(bytes(graph.context)))
    started = await ctx.run(lambda transaction: submit(ctx, transaction, plan, asked))
    seen, _ = await show_workflow(ctx, started.id)
    return Answer(201 if started.new else 200, encode(seen))


async def _awaited(ctx: Context, workflow: UUID, seconds: float) -> WorkflowView:
    if seconds:
        await ctx.services.finished.wait(workflow, seconds)
    seen, _ = await show_workflow(ctx, workflow)
    return seen
