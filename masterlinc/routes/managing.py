"""What callers do to workflows: retry, cancel, signal, fork. Those who started one may; others need the permission."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from msgspec import Raw

from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import Conflict, FieldError, Forbidden, Invalid, PreconditionFailed
from masterlinc.ids import new_id, show
from masterlinc.plans import control, forking
from masterlinc.routes import workflow_queries as queries
from masterlinc.routes.reading import etag, load
from masterlinc.routes.submitting import PREFIX, stored_key
from masterlinc.routes.workflow_queries import SeenStep, WorkflowRow
from masterlinc.wire import tree

MANAGE = "workflow:manage"
Act = Callable[[Transaction, WorkflowRow], Awaitable[dict[str, str]]]


class NotTheStarter(Forbidden):
    """Another's workflow is managed by who may manage all."""

    code = "not-the-starter"
    title = "Somebody else started this workflow; managing it needs the permission workflow:manage"
    title_ar = "بدأ مستخدم آخر سير العمل هذا؛ إدارته تتطلب الصلاحية workflow:manage"


class NotAUsersWorkflow(Conflict):
    """An agent's own workflow is about what its key names: under another key its steps would find nothing."""

    code = "not-a-users-workflow"
    title = "An agent's own workflow cannot be forked; retry it, or start it through its agent"
    title_ar = "لا يمكن تفريع سير عمل خاص بوكيل؛ أعد محاولته أو ابدأه من خلال وكيله"


async def retry(ctx: Context, workflow: UUID, if_match: str | None) -> None:
    """Go on with a parked or failed workflow where it stopped."""

    async def act(transaction: Transaction, row: WorkflowRow) -> dict[str, str]:
        await control.retry(ctx.services, transaction, row.id, ctx.principal.user_id)
        return {}

    await _do(ctx, workflow, "workflow.retry", if_match, act)


async def cancel(ctx: Context, workflow: UUID, if_match: str | None, reason: str) -> None:
    """Stop a workflow; what was done and can be undone is undone."""

    async def act(transaction: Transaction, row: WorkflowRow) -> dict[str, str]:
        await control.cancel(ctx.services, transaction, row.id, reason, ctx.principal.user_id)
        return {"reason": reason}

    await _do(ctx, workflow, "workflow.cancel", if_match, act)


async def signal(ctx: Context, workflow: UUID, if_match: str | None, name: str, payload: Raw) -> None:
    """Send a signal that a step of the workflow waits for, now or later."""

    async def act(transaction: Transaction, row: WorkflowRow) -> dict[str, str]:
        names = {step.task for step in await queries.steps(transaction, row) if step.kind == "signal"}
        if names and name not in names:
            raise _no_signal(sorted(names))
        value = tree(bytes(payload))
        await control.signal(ctx.services, transaction, row.id, name, value, ctx.principal.user_id)
        return {"signal": name}

    await _do(ctx, workflow, "workflow.signal", if_match, act)


async def fork(
    ctx: Context, workflow: UUID, if_match: str | None, from_step: str, key: str | None
) -> tuple[UUID, bool]:
    """Start a user's workflow anew from a step on; the earlier steps keep their results."""
    made: list[tuple[UUID, bool]] = []

    async def act(transaction: Transaction, row: WorkflowRow) -> dict[str, str]:
        if row.actor is None:
            raise NotAUsersWorkflow
        if row.actor.id != ctx.principal.user_id:
            _require_all(ctx, await queries.steps(transaction, row))  # it runs with the rights of who started it first
        title = row.title or row.name
        full = stored_key(row.organization_id, title, key) if key is not None else str(new_id())
        new = await forking.fork(ctx.services, transaction, row.id, from_step, full, ctx.principal.user_id)
        if new is None:
            before = await queries.started(transaction, row.name, full)
            assert before is not None, "its row makes the key known"
            made.append((before, False))
            return {}
        made.append((new, True))
        return {"from_step": from_step, "fork": show(PREFIX, new)}

    await _do(ctx, workflow, "workflow.fork", if_match, act)
    return made[-1]


async def _do(ctx: Context, workflow: UUID, action: str, if_match: str | None, act: Act) -> None:
    async def work(transaction: Transaction) -> None:
        row = await load(transaction, workflow)
        if row.started_by != ctx.principal.user_id and not ctx.principal.may(MANAGE):
            raise NotTheStarter
        await queries.lock(transaction, row.id)
        row = await load(transaction, workflow)
        if if_match is not None and if_match not in {"*", etag(row)}:
            raise PreconditionFailed
        detail = await act(transaction, row)
        name = show(PREFIX, row.id)
        transaction.audit(action, "workflow", name, organization_id=row.organization_id, detail=detail)

    await ctx.run(work)


def _require_all(ctx: Context, steps: Sequence[SeenStep]) -> None:
    for task in {name for step in steps for name in (step.task, step.undo)}:
        known = ctx.services.registry.tasks.get(task)
        if known is not None and known[1].permission:
            ctx.principal.require(known[1].permission)


def _no_signal(names: list[str]) -> Invalid:
    known = ", ".join(names)
    error = FieldError(
        "name", "unknown-signal", f"Its steps wait for: {known}", f"الإشارات التي تنتظرها الخطوات: {known}"
    )
    return Invalid(f"name: {error.detail}", f"name: {error.detail_ar}", errors=[error])
