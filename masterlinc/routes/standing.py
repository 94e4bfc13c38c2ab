"""How the agents stand: which processes serve them, whether they are well, how much waits for them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from masterlinc.agent import Agent
from masterlinc.context import Context
from masterlinc.delegation import Standing, vocabulary
from masterlinc.observe.health import WELL
from masterlinc.processes import reading as processes
from masterlinc.processes.reading import ProcessRow
from masterlinc.routes import queries
from masterlinc.routes.queries import Load

_NOTHING = Load(0, 0, 0)
_UNWELL = "unhealthy"


class AgentStanding(Struct):
    """An agent, enabled or not, as it stands now; `agent` is none for one that this kernel cannot run."""

    agent_id: str
    status: str  # online, degraded, maintenance or offline
    agent: Agent | None
    health: str
    load: Load
    processes: Sequence[ProcessRow]
    reason: str | None = None

    @property
    def last_heartbeat(self) -> datetime | None:
        """Return when a process that serves it was last heard of."""
        return max((one.beat_at for one in self.processes), default=None)

    @property
    def abilities(self) -> frozenset[str]:
        """Return what may be asked of it."""
        return self.for_choice().abilities

    def for_choice(self) -> Standing:
        """Return what a choice looks at."""
        agent = self.agent
        return Standing(
            agent_id=self.agent_id,
            status=self.status,
            priority=agent.priority if agent else 5,
            running=self.load.running,
            queued=self.load.queued + self.load.unread,
            capabilities=agent.capabilities if agent else (),
            tasks=tuple(f"{agent.name}.{task.label}" for task in agent.tasks if task.permission) if agent else (),
            words=vocabulary(agent) if agent else frozenset(),
        )


def health_of(agent: str, serving: Sequence[ProcessRow]) -> str:
    """Return what those say who do an agent's work: it is not well where one of them says so."""
    if not serving:
        return "unknown"
    return _UNWELL if any(agent in one.unwell for one in serving) else WELL


async def standings(ctx: Context, only: str | None = None) -> list[AgentStanding]:
    """Return how every agent stands, or one."""
    registry = ctx.services.registry
    enabled = [agent for agent in registry.agents if only in {None, agent.name}]
    async with ctx.transaction(read_only=True) as transaction:
        known = await processes.living(transaction)
        loads = await queries.loads(transaction, [agent.name for agent in enabled])
    found = []
    for agent in enabled:
        serving = processes.serving(known, agent.name)
        state = health_of(agent.name, serving)
        status = {WELL: "online", _UNWELL: "degraded"}.get(state, "offline")
        reason = None if serving else "no process that lives serves it"
        found.append(AgentStanding(agent.name, status, agent, state, loads.get(agent.name, _NOTHING), serving, reason))
    found += [
        AgentStanding(agent.name, "maintenance", agent, "disabled", _NOTHING, (), "disabled")
        for agent in registry.disabled
        if only in {None, agent.name}
    ]
    found += [
        AgentStanding(one.name, "offline", None, "incompatible", _NOTHING, (), one.reason)
        for one in registry.skipped
        if only in {None, one.name}
    ]
    return found
