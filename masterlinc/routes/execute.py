"""Running any agent's task: at once and in this process, or durably."""

import asyncio
from typing import Annotated, Any, Literal

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from msgspec import Meta, Raw, Struct, field

from masterlinc.agent import Task
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid, Malformed, TooSlow
from masterlinc.http.idempotency import HEADER, Keyed, idempotent
from masterlinc.idempotency import Answer
from masterlinc.ids import show
from masterlinc.routes.examples import EXECUTE, body
from masterlinc.routes.submitting import PREFIX, Asked, status_url, submit
from masterlinc.wire import decode, encode, load, tree
from masterlinc.workflow.form import EMPTY, NULL, Priority, Seconds, empty
from masterlinc.workflow.one_task import plan_of

_PRIORITY = 5


class ExecuteForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """A task and its input; the first system's `type` is taken for `task`."""

    task: Annotated[str, Meta(max_length=128)] | None = None
    type: Annotated[str, Meta(max_length=128)] | None = None
    input: Raw = field(default_factory=empty)
    mode: Literal["sync", "async"] = "sync"
    priority: Priority | None = None  # of mode async, which has 5 where none is given
    timeout: Seconds | None = None


class Executed(Struct):
    """What a task answered."""

    status: str
    task: str
    result: Any


class Accepted(Struct):
    """A task that runs durably; `status_url` tells how far it is, and what it answered."""

    workflow_id: str
    status: str
    task: str
    status_url: str


@post(
    "/execute",
    opt={"permission": "task:execute"},
    status_code=200,
    summary="Run a task of an agent",
    operation_class=Keyed,
    responses={
        200: ResponseSpec(Executed, description="The task's answer", generate_examples=False),
        202: ResponseSpec(Accepted, description="It runs durably (mode async)", generate_examples=False),
    },
)
async def execute(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: Annotated[ExecuteForm, body(EXECUTE)]
) -> Response[bytes]:
    """Run the task that `task` names with `input`; with mode `async` answer where its state is read."""
    agent, task = offered(ctx, data.task or data.type)
    asked = decode(given(data.input), task.request)
    if data.mode == "async":
        answer = await idempotent(ctx, request, lambda: _start(ctx, agent, task, data), status=202)
        answer.headers["Location"] = load(answer.content, Accepted).status_url
        return answer
    _check_sync(f"{agent}.{task.label}", task, data, request)
    return await idempotent(ctx, request, lambda: _run(ctx, agent, task, asked, data.timeout), status=200)


def offered(ctx: Context, name: str | None) -> tuple[str, Task]:
    """Return a task by its full name; raises Malformed where it is not offered, Forbidden without its permission."""
    found = ctx.services.registry.tasks.get(name) if name is not None else None
    if found is None or not found[1].permission:
        raise _unknown(ctx)
    ctx.principal.require(found[1].permission)
    return found


def given(sent: Raw) -> bytes:
    """Return an input as it was sent; null is an empty one."""
    return bytes(sent) if bytes(sent) != bytes(NULL) else bytes(EMPTY)


async def _run(ctx: Context, agent: str, task: Task, asked: Struct, seconds: float | None) -> Executed:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            result = await ctx.for_agent(agent).run_task(task, asked)
    except TimeoutError:
        if limit.expired():
            raise TooSlow from None
        raise
    return Executed("completed", f"{agent}.{task.label}", result)


async def _start(ctx: Context, agent: str, task: Task, data: ExecuteForm) -> Answer:
    name = f"{agent}.{task.label}"
    plan = plan_of(agent, task, tree(given(data.input)), timeout_seconds=data.timeout)
    started = await ctx.run(lambda transaction: submit(ctx, transaction, plan, Asked(name, data.priority or _PRIORITY)))
    return Answer(202, encode(Accepted(show(PREFIX, started.id), "running", name, status_url(started.id))))


def _unknown(ctx: Context) -> Malformed:
    names = sorted(
        full
        for full, (_, task) in ctx.services.registry.tasks.items()
        if task.permission and ctx.principal.may(task.permission)
    )
    return Malformed(
        f"there is no such task; you may run: {', '.join(names) or 'none'}",
        f"لا توجد مهمة بهذا الاسم؛ المهام المتاحة لك: {'، '.join(names) or 'لا شيء'}",
        errors=[FieldError("task", "unknown-task", "there is no such task", "لا توجد مهمة بهذا الاسم")],
    )


def _check_sync(name: str, task: Task, data: ExecuteForm, request: Request[Any, Any, Any]) -> None:
    """Raise Invalid for what mode sync cannot do."""
    if data.priority is not None:
        raise _needs_async(
            "priority: what runs at once has no place in a queue", "priority: ما يُنفذ فوراً لا ترتيب له في الانتظار"
        )
    if not task.joins_transaction and HEADER in request.headers:
        raise _needs_async(
            f"{name} works outside of a transaction: with an Idempotency-Key it runs in mode async",
            f"تعمل {name} خارج المعاملة: مع Idempotency-Key يجب تشغيلها بالقيمة async للحقل mode",
        )


def _needs_async(detail: str, detail_ar: str) -> Invalid:
    error = FieldError("mode", "needs-async", "Use mode async", "استخدم القيمة async")
    return Invalid(detail, detail_ar, errors=[error])
