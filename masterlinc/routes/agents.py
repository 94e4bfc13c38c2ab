"""The agents: what they are, what they take, and how they stand."""

from datetime import datetime
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from masterlinc.agent import Task
from masterlinc.context import Context
from masterlinc.errors import NotFound
from masterlinc.processes.reading import ProcessRow
from masterlinc.routes.queries import Load
from masterlinc.routes.standing import AgentStanding, health_of, standings
from masterlinc.wire.schema import schema


class TaskView(Struct):
    """A task that `/execute`, delegation and workflows take from this caller, with the JSON Schema of both sides."""

    name: str
    action: str  # as a step of a workflow names it
    summary: str
    summary_ar: str
    permission: str
    version: int
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class ProcessView(Struct):
    """A process that serves an agent, and whether the agent is well there."""

    name: str
    address: str
    version: str
    started_at: datetime
    last_heartbeat: datetime
    health: str


class AgentView(Struct):
    """An agent with the fields of the first system, and what it takes."""

    agent_id: str
    name: str
    name_ar: str
    description: str
    description_ar: str
    endpoint: str | None
    status: str  # online, degraded (not well), maintenance (disabled) or offline (cannot run, or nobody serves it)
    capabilities: tuple[str, ...]
    priority: int
    version: str
    category: str
    metadata: dict[str, Any]
    last_heartbeat: datetime | None
    health: str  # healthy, unhealthy, unknown (nobody serves it), disabled or incompatible
    load: Load
    tasks: tuple[TaskView, ...]
    processes: tuple[ProcessView, ...]
    reason: str | None = None


class AgentList(Struct):
    """Every agent that is installed."""

    agents: list[AgentView]
    total: int


@get("/agents", opt={"permission": "agent:read"}, summary="List the agents")
async def list_agents(ctx: NamedDependency[Context]) -> AgentList:
    """Return every installed agent, enabled or not, with the tasks that the caller may run."""
    found = [_view(one, ctx) for one in await standings(ctx)]
    return AgentList(found, len(found))


@get("/agents/{agent_id:str}", opt={"permission": "agent:read"}, summary="Show an agent")
async def get_agent(ctx: NamedDependency[Context], agent_id: FromPath[str]) -> AgentView:
    """Return one agent."""
    found = await standings(ctx, agent_id)
    if not found:
        raise NotFound(f"there is no agent {agent_id}", f"لا يوجد وكيل باسم {agent_id}")
    return _view(found[0], ctx)


def _view(one: AgentStanding, ctx: Context) -> AgentView:
    agent, runs = one.agent, one.health not in {"disabled", "incompatible"}
    return AgentView(
        agent_id=one.agent_id,
        name=agent.title if agent else one.agent_id,
        name_ar=agent.title_ar if agent else one.agent_id,
        description=agent.description if agent else "",
        description_ar=agent.description_ar if agent else "",
        endpoint=one.processes[0].address if one.processes else None,
        status=one.status,
        capabilities=agent.capabilities if agent else (),
        priority=agent.priority if agent else 0,
        version=agent.version if agent else "",
        category=agent.category if agent else "",
        metadata={"requires": agent.requires, "kernel": agent.kernel} if agent else {},
        last_heartbeat=one.last_heartbeat,
        health=one.health,
        load=one.load,
        tasks=tuple(_task(one.agent_id, task) for task in agent.tasks if _may(ctx, task)) if agent and runs else (),
        processes=tuple(_process(row, one.agent_id) for row in one.processes),
        reason=one.reason,
    )


def _may(ctx: Context, task: Task) -> bool:
    return bool(task.permission) and ctx.principal.may(task.permission)


def _task(agent: str, task: Task) -> TaskView:
    return TaskView(
        name=f"{agent}.{task.label}",
        action=task.label,
        summary=task.summary,
        summary_ar=task.summary_ar,
        permission=task.permission,
        version=task.version,
        input_schema=schema(task.request),
        output_schema=schema(task.answer),
    )


def _process(row: ProcessRow, agent: str) -> ProcessView:
    return ProcessView(row.name, row.address, row.version, row.started_at, row.beat_at, health_of(agent, [row]))
