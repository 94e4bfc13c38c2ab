"""Starting a workflow on behalf of a caller."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.ids import new_id, show
from masterlinc.plans import starting
from masterlinc.plans.actor import Actor
from masterlinc.plans.plan import Plan
from masterlinc.routes import workflow_queries as queries
from masterlinc.security.principal import Principal

PREFIX = "WFL"


class Asked(Struct, frozen=True):
    """How a caller wants a workflow started; `key` is theirs, within their organization and under the title."""

    title: str
    priority: int = 5
    key: str | None = None
    context: Any = None


class Started(Struct, frozen=True):
    """A workflow that runs; `new` is false where its key had started it before."""

    id: UUID
    new: bool


async def submit(ctx: Context, transaction: Transaction, plan: Plan, asked: Asked) -> Started:
    """Start a workflow with the commit, as the caller: each task runs with the caller's rights of this moment."""
    home = ctx.principal.organization_id
    key = stored_key(home, asked.title, asked.key) if asked.key is not None else str(new_id())
    how = starting.Start(
        key,
        home,
        actor=_actor(ctx.principal),
        priority=asked.priority,
        title=asked.title,
        context=asked.context,
    )
    made = await starting.start(ctx.services, transaction, plan, how)
    if made is None:
        before = await queries.started(transaction, plan.name, key)
        assert before is not None, "its row makes the key known"
        return Started(before, new=False)
    detail = {"name": plan.name, "tasks": ", ".join(sorted({step.task for step in plan.steps if step.kind == "task"}))}
    transaction.audit("workflow.start", "workflow", show(PREFIX, made), organization_id=home, detail=detail)
    return Started(made, new=True)


def stored_key(organization: UUID, title: str, key: str) -> str:
    """Return a caller's key as it is stored; the title's length tells where it ends, so that no two are the same."""
    return f"{organization}/{len(title)}/{title}/{key}"


def status_url(workflow: UUID) -> str:
    """Return where a workflow's state is read."""
    return f"/api/v1/workflows/{show(PREFIX, workflow)}"


def _actor(principal: Principal) -> Actor:
    return Actor(
        principal.user_id,
        principal.kind,
        principal.organization_id,
        tuple(sorted(principal.organizations)),
        tuple(sorted(principal.permissions)),
    )
