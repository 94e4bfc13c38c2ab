"""Handing work to the agent that fits it best, with the reasons."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from msgspec import Meta, Raw, Struct, field

from masterlinc.agent import Task
from masterlinc.context import Context
from masterlinc.delegation import Choice, Considered, Wish, choose
from masterlinc.errors import FieldError, Invalid, NotFound, Unavailable
from masterlinc.http.idempotency import Keyed, idempotent
from masterlinc.ids import show
from masterlinc.routes import inbox
from masterlinc.routes.examples import DELEGATE, body
from masterlinc.routes.execute import given, offered
from masterlinc.routes.inbox import MessageForm
from masterlinc.routes.standing import AgentStanding, standings
from masterlinc.routes.submitting import PREFIX, Asked, status_url, submit
from masterlinc.wire import decode, encode, tree
from masterlinc.workflow.form import NULL, Priority, Seconds, empty, null
from masterlinc.workflow.one_task import plan_of
from masterlinc.workflow.targets import KERNEL

MESSAGE_TYPE = "delegated_task"
_RETRY_AFTER = "5"


class DelegateForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """Work in words; with `task` and `input` it runs, otherwise it lies in the chosen agent's inbox."""

    task_description: Annotated[str, Meta(min_length=1, max_length=2000)]
    task_description_ar: Annotated[str, Meta(max_length=2000)] = ""
    context: Raw = field(default_factory=empty)
    preferred_agent: Annotated[str, Meta(max_length=64)] | None = None
    priority: Priority = 5
    timeout: Seconds = 300.0
    capability: Annotated[str, Meta(max_length=128)] | None = None
    task: Annotated[str, Meta(max_length=128)] | None = None
    input: Raw = field(default_factory=null)  # of the task


class Delegated(Struct):
    """Who does the work, why, and where its state is read."""

    task_id: str
    assigned_agent: str
    status: str
    message: str
    message_ar: str
    explanation: tuple[Considered, ...]
    status_url: str


@post(
    "/delegate",
    opt={"permission": "workflow:execute"},
    summary="Hand work to the agent that fits it",
    operation_class=Keyed,
)
async def delegate(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: Annotated[DelegateForm, body(DELEGATE)]
) -> Response[bytes]:
    """Choose an agent by capability, words, health, load and priority, and give it the work durably."""
    return await idempotent(ctx, request, lambda: _delegate(ctx, data))


async def _delegate(ctx: Context, form: DelegateForm) -> Delegated:
    task = _task(ctx, form)
    found = await standings(ctx)
    _check_names(form, found)
    words = f"{form.task_description} {form.task_description_ar}"
    choice = choose([one.for_choice() for one in found], Wish(words, form.capability, form.task, form.preferred_agent))
    if choice.agent_id is None:
        raise Unavailable(
            "no agent that fits is online",
            "لا يوجد وكيل مناسب متصل",
            headers={"Retry-After": _RETRY_AFTER},
            extra={"explanation": choice.considered},
        )
    task_id, url = await (_run(ctx, form, choice.agent_id, task) if task else _hand_over(ctx, form, choice.agent_id))
    return _answer(choice, choice.agent_id, task_id, url)


def _task(ctx: Context, form: DelegateForm) -> Task | None:
    if form.task is None:
        if bytes(form.input) != bytes(NULL):
            raise _wrong("input", "An input needs the task that takes it", "لا بد من تحديد task مع input")
        return None
    _, task = offered(ctx, form.task)
    decode(given(form.input), task.request)
    return task


def _check_names(form: DelegateForm, found: list[AgentStanding]) -> None:
    names = {one.agent_id for one in found}
    if form.preferred_agent is not None and form.preferred_agent not in names:
        raise NotFound(f"there is no agent {form.preferred_agent}", f"لا يوجد وكيل باسم {form.preferred_agent}")
    if form.capability is not None:
        known = {able for one in found for able in one.abilities}
        if form.capability not in known:
            words = ", ".join(sorted(known))
            raise _wrong("capability", f"No agent offers this; there are: {words}", f"القدرات المتاحة: {words}")


async def _run(ctx: Context, form: DelegateForm, agent: str, task: Task) -> tuple[str, str]:
    plan = plan_of(agent, task, tree(given(form.input)), timeout_seconds=form.timeout)
    asked = Asked(f"{agent}.{task.label}", form.priority)
    started = await ctx.run(lambda transaction: submit(ctx, transaction, plan, asked))
    return show(PREFIX, started.id), status_url(started.id)


async def _hand_over(ctx: Context, form: DelegateForm, agent: str) -> tuple[str, str]:
    content = {
        "task_description": form.task_description,
        "task_description_ar": form.task_description_ar,
        "context": form.context,
        "timeout": form.timeout,
    }
    message = MessageForm(
        sender_id=KERNEL,
        receiver_id=agent,
        message_type=MESSAGE_TYPE,
        content=Raw(encode(content)),
        priority=form.priority,
    )
    kept, _ = await inbox.send(ctx, message)
    return kept.message_id, kept.status_url


def _answer(choice: Choice, agent: str, task_id: str, url: str) -> Delegated:
    chosen = next(one for one in choice.considered if one.chosen)
    return Delegated(
        task_id=task_id,
        assigned_agent=agent,
        status="delegated",
        message=f"Delegated to {agent}: {chosen.reason}",
        message_ar=f"أُسندت المهمة إلى {agent}: {chosen.reason_ar}",
        explanation=choice.considered,
        status_url=url,
    )


def _wrong(path: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{path}: {detail}", f"{path}: {detail_ar}", errors=[FieldError(path, "value", detail, detail_ar)])
