"""MasterLinc's own routes: the agents, and running any agent's task."""

from typing import Any

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from masterlinc.agent import Agent, Permission, Task
from masterlinc.context import Context
from masterlinc.errors import FieldError, Malformed
from masterlinc.registry import Registry
from masterlinc.wire import decode, encode

PERMISSIONS = (
    Permission("agent:read", "See the agents", "عرض الوكلاء"),
    Permission("task:execute", "Run a task of an agent", "تنفيذ مهمة وكيل"),
)


class TaskView(Struct):
    """A task that `/execute` takes from this caller."""

    name: str
    summary: str
    summary_ar: str


class AgentView(Struct):
    """An agent as the first system showed it, with its tasks."""

    agent_id: str
    name: str
    name_ar: str
    status: str  # online, maintenance (disabled) or offline (cannot run)
    capabilities: tuple[str, ...]
    version: str
    tasks: tuple[TaskView, ...]
    reason: str | None = None


class AgentList(Struct):
    """Every agent that is installed."""

    agents: list[AgentView]
    total: int


class Executed(Struct):
    """What a task answered."""

    status: str
    task: str
    result: Any


@get("/agents", opt={"permission": "agent:read"}, summary="List the agents")
async def list_agents(ctx: NamedDependency[Context]) -> AgentList:
    """Return every installed agent, enabled or not."""
    registry = ctx.services.registry
    agents = [_view(agent, "online", _tasks(agent, ctx)) for agent in registry.agents]
    agents += [_view(agent, "maintenance", (), "disabled") for agent in registry.disabled]
    agents += [AgentView(one.name, one.name, one.name, "offline", (), "", (), one.reason) for one in registry.skipped]
    return AgentList(agents, len(agents))


def _tasks(agent: Agent, ctx: Context) -> tuple[TaskView, ...]:
    return tuple(
        TaskView(f"{agent.name}.{task.label}", task.summary, task.summary_ar)
        for task in agent.tasks
        if task.permission and ctx.principal.may(task.permission)
    )


def _view(agent: Agent, status: str, tasks: tuple[TaskView, ...], reason: str | None = None) -> AgentView:
    return AgentView(
        agent_id=agent.name,
        name=agent.title,
        name_ar=agent.title_ar,
        status=status,
        capabilities=agent.capabilities,
        version=agent.version,
        tasks=tasks,
        reason=reason,
    )


@post("/execute", opt={"permission": "task:execute"}, status_code=200, summary="Run a task of an agent")
async def execute(data: JSONBody[dict[str, Any]], ctx: NamedDependency[Context]) -> Executed:
    """Run the task that `task` names with `input`; the first system's `type` is taken for `task`."""
    name = data.get("task") or data.get("type")
    agent, task = _offered(ctx.services.registry, ctx, name)
    ctx.principal.require(task.permission)
    request = decode(encode(data.get("input") or {}), task.request)
    answer = await ctx.for_agent(agent).run_task(task, request)
    return Executed("completed", f"{agent}.{task.label}", answer)


def _offered(registry: Registry, ctx: Context, name: object) -> tuple[str, Task]:
    found = registry.tasks.get(name) if isinstance(name, str) else None
    if found is not None and found[1].permission:
        return found
    offered = sorted(
        full for full, (_, task) in registry.tasks.items() if task.permission and ctx.principal.may(task.permission)
    )
    raise Malformed(
        f"there is no such task; you may run: {', '.join(offered) or 'none'}",
        f"لا توجد مهمة بهذا الاسم؛ المهام المتاحة لك: {'، '.join(offered) or 'لا شيء'}",
        errors=[FieldError("task", "unknown-task", "there is no such task", "لا توجد مهمة بهذا الاسم")],
    )


root_router = Router("/", route_handlers=[execute], tags=["MasterLinc"])
api_router = Router("/", route_handlers=[list_agents], tags=["MasterLinc"])
