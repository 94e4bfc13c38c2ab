"""The agents: what they are, and what they take."""

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from masterlinc.agent import Agent
from masterlinc.context import Context


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
