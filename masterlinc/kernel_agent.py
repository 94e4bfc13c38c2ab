"""The kernel's own agent: tasks for trying things, and the upkeep of what workflows leave behind."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Raw, Struct

from masterlinc import __version__, retention
from masterlinc.agent import Agent, Schedule, SealedColumn, Step, StepDone, StepInput, Task, Wait, Workflow
from masterlinc.errors import FieldError, Invalid
from masterlinc.security.principal import NOBODY

if TYPE_CHECKING:
    from masterlinc.context import Context

_LONGEST_NOW = 30.0  # seconds that a caller is kept waiting
_YEAR = 31_536_000.0


class Echo(Struct, frozen=True):
    """Anything; it comes back as it is."""

    message: Raw


class Echoed(Struct, frozen=True):
    """What was sent."""

    message: Raw


class WaitFor(Struct, frozen=True):
    """A wait in seconds: in a workflow it is a row, however long; a caller of the task waits 30 seconds at most."""

    seconds: Annotated[float, Meta(ge=0, le=_YEAR)]


class Waited(Struct, frozen=True):
    """The wait is over."""

    waited_seconds: float


async def _echo(_: "Context", request: Echo) -> Echoed:
    return Echoed(request.message)


async def _wait(ctx: "Context", request: WaitFor) -> Waited:
    if ctx.step is not None:
        until = ctx.step.started_at + timedelta(seconds=request.seconds)
        if ctx.step.now < until:
            raise Wait(until)
    elif request.seconds > _LONGEST_NOW:
        detail = "Longer than 30 seconds only in a workflow, or with mode async"
        detail_ar = "أكثر من 30 ثانية ممكن فقط ضمن سير عمل أو بالوضع غير المتزامن"
        raise Invalid(detail, detail_ar, errors=[FieldError("seconds", "too-long", detail, detail_ar)])
    else:
        await asyncio.sleep(request.seconds)
    return Waited(request.seconds)


async def _forget_workflows(ctx: "Context", _: StepInput) -> StepDone:
    gone = await retention.forget_all(retention.forget_workflows, ctx.db, _before(ctx))
    return StepDone(f"{gone} workflows")


async def _forget_deliveries(ctx: "Context", _: StepInput) -> StepDone:
    gone = await retention.forget_all(retention.forget_deliveries, ctx.db, _before(ctx))
    return StepDone(f"{gone} rows")


async def _forget_messages(ctx: "Context", _: StepInput) -> StepDone:
    gone = await retention.forget_all(retention.forget_messages, ctx.db, _before(ctx))
    return StepDone(f"{gone} messages")


def _before(ctx: "Context") -> datetime:
    return ctx.clock.now() - timedelta(days=ctx.settings.engine.retention_days)


def _upkeep(name: str, run: Any, summary: str, summary_ar: str) -> Task:
    return Task(StepInput, StepDone, run, summary, summary_ar, name=name)


KERNEL = Agent(
    name="masterlinc",
    title="MasterLinc",
    title_ar="ماستر لينك",
    version=__version__,
    kernel=">=0.1",
    description="Coordinates the agents: runs workflows, chooses who does a piece of work, carries messages",
    description_ar="ينسّق عمل الوكلاء: يشغّل سير العمل ويختار من ينفذ العمل وينقل الرسائل",
    capabilities=("orchestration", "routing", "workflow"),
    tasks=(
        Task(
            Echo,
            Echoed,
            _echo,
            "Answer what is sent",
            "إعادة ما أُرسل كما هو",
            permission="task:execute",
            joins_transaction=True,
            tool=True,
        ),
        Task(
            WaitFor,
            Waited,
            _wait,
            "Wait for some seconds",
            "الانتظار عدداً من الثواني",
            permission="task:execute",
            name="wait",
        ),
        _upkeep(
            "forget_workflows", _forget_workflows, "Forget old workflows' steps", "حذف خطوات سير العمل المنتهية منذ مدة"
        ),
        _upkeep("forget_deliveries", _forget_deliveries, "Forget old deliveries", "حذف تسليمات الأحداث القديمة"),
        _upkeep("forget_messages", _forget_messages, "Forget what old messages said", "حذف محتوى الرسائل القديمة"),
    ),
    workflows=(
        Workflow(
            "retention",
            2,
            (
                Step("workflows", "masterlinc.forget_workflows"),
                Step("deliveries", "masterlinc.forget_deliveries"),
                Step("messages", "masterlinc.forget_messages"),
            ),
        ),
    ),
    sealed=(
        SealedColumn("idempotency", "response", "idempotency/{route}/{key_hash}"),
        SealedColumn("step_payload", "input", "workflow.input/{workflow_id}/{position}"),
        SealedColumn("step_payload", "output", "workflow.output/{workflow_id}/{position}"),
        SealedColumn("step_payload", "undo_input", "workflow.undo_input/{workflow_id}/{position}"),
        SealedColumn("workflow_signal", "payload", "workflow.signal/{id}"),
        SealedColumn("message", "content", "message.content/{id}"),
        SealedColumn("audit_key", "sealed", "masterlinc.audit_key/{kid}", NOBODY),
    ),
    schedules=(Schedule("retention", "15 3 * * *", "retention"),),
)
