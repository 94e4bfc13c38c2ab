"""What a step may run: tasks that are offered, by their label or full name, and waiting for a signal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from masterlinc.agent import Agent, Task
from masterlinc.errors import FieldError
from masterlinc.security.principal import Principal
from masterlinc.workflow.form import Name

if TYPE_CHECKING:
    from masterlinc.registry import Registry

KERNEL = "masterlinc"
SIGNAL = "signal"


class SignalInput(Struct, forbid_unknown_fields=True):
    """What the kernel's action `signal` takes: the name of the signal that ends the wait."""

    name: Name


@dataclass(frozen=True)
class Target:
    """A task, or the wait for a signal where `task` is none."""

    agent: str
    name: str
    task: Task | None

    @property
    def request(self) -> type[Struct]:
        """Return the type of its input."""
        return self.task.request if self.task else SignalInput

    @property
    def answer(self) -> type[Struct] | None:
        """Return the type of its output; a signal may carry anything."""
        return self.task.answer if self.task else None


class Targets:
    """Finds what steps name, and keeps every fault and every missing permission."""

    def __init__(self, registry: "Registry", principal: Principal) -> None:
        self._registry, self._principal = registry, principal
        self._agents = {agent.name: agent for agent in registry.agents}
        self.faults: list[FieldError] = []
        self.forbidden: list[FieldError] = []

    def find(self, agent_id: str, action: str, path: str, *, undoing: bool = False) -> Target | None:
        """Return what a step runs, or none and the fault."""
        agent = self._agents.get(agent_id)
        if agent is None:
            self.faults.append(self._no_agent(agent_id, path))
            return None
        if agent_id == KERNEL and action == SIGNAL and not undoing:
            return Target(KERNEL, SIGNAL, None)
        task = _offered(agent, action)
        if task is None:
            self.faults.append(self._no_action(agent, action, path))
            return None
        if not self._principal.may(task.permission):
            detail = (
                f"{agent_id}.{task.label} needs the permission {task.permission}",
                f"تتطلب {agent_id}.{task.label} الصلاحية {task.permission}",
            )
            self.forbidden.append(FieldError(f"{path}.action", "forbidden", *detail))
        return Target(agent_id, f"{agent_id}.{task.label}", task)

    def _no_agent(self, agent_id: str, path: str) -> FieldError:
        path = f"{path}.agent_id"
        if any(agent.name == agent_id for agent in self._registry.disabled):
            return FieldError(path, "agent-disabled", f"Agent {agent_id} is disabled", f"الوكيل {agent_id} معطل")
        names = ", ".join(self._agents)
        return FieldError(
            path,
            "unknown-agent",
            f"There is no agent {agent_id}; there are: {names}",
            f"لا يوجد وكيل باسم {agent_id}؛ الوكلاء المتاحون: {names}",
        )

    def _no_action(self, agent: Agent, action: str, path: str) -> FieldError:
        may = [task.label for task in agent.tasks if task.permission and self._principal.may(task.permission)]
        if agent.name == KERNEL:
            may.append(SIGNAL)
        return FieldError(
            f"{path}.action",
            "unknown-action",
            f"{agent.name} has no action {action}; you may use: {', '.join(may) or 'none'}",
            f"لا توجد لدى {agent.name} مهمة باسم {action}؛ المهام المتاحة لك: {'، '.join(may) or 'لا شيء'}",
        )


def _offered(agent: Agent, action: str) -> Task | None:
    label = action.removeprefix(f"{agent.name}.")
    return next((task for task in agent.tasks if task.permission and task.label == label), None)
