"""Finds the agents, checks them against each other, and puts them in start order."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from masterlinc import __version__
from masterlinc.agent import Agent, Task
from masterlinc.errors import StartupError
from masterlinc.settings import Settings

GROUP = "masterlinc.agents"


@dataclass(frozen=True)
class Skipped:
    """An agent from outside that this kernel cannot run, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Registry:
    """The enabled agents in start order, with their configuration and tasks."""

    agents: tuple[Agent, ...]
    configs: dict[str, Any]
    tasks: dict[str, tuple[str, Task]]  # full name → agent, task
    by_request: dict[type[Struct], str]  # request type → full name
    skipped: tuple[Skipped, ...] = ()
    disabled: tuple[str, ...] = ()

    def names(self) -> frozenset[str]:
        """Return the names of the enabled agents."""
        return frozenset(agent.name for agent in self.agents)


def discover(points: Iterable[EntryPoint] | None = None) -> tuple[list[Agent], list[Skipped]]:
    """Load every agent that is installed; one of this distribution that fails stops the start."""
    agents, skipped = [], []
    for point in sorted(points if points is not None else entry_points(group=GROUP), key=lambda one: one.name):
        built_in = point.dist is not None and point.dist.name == "masterlinc"
        agent: Any = None
        try:
            agent = point.load()
            reason = _unfit(point.name, agent)
        except Exception as fault:  # noqa: BLE001 - a foreign module may raise anything when it is imported
            reason = f"cannot be imported: {fault}"
        if not reason:
            agents.append(agent)
        elif built_in:
            raise StartupError(f"agent {point.name}: {reason}")
        else:
            skipped.append(Skipped(point.name, reason))
    return agents, skipped


def assemble(settings: Settings, agents: Iterable[Agent], skipped: Iterable[Skipped] = ()) -> Registry:
    """Check configuration and requirements; raises StartupError with one line that says what to change."""
    found = {agent.name: agent for agent in agents}
    known = set(found) | {one.name for one in skipped}
    _refuse_unknown(settings, known)
    enabled = {name: agent for name, agent in found.items() if settings.enabled(name)}
    ordered = _start_order(enabled)
    tasks = {f"{agent.name}.{task.label}": (agent.name, task) for agent in ordered for task in agent.tasks}
    _check_workflows(ordered, tasks)
    return Registry(
        agents=tuple(ordered),
        configs={agent.name: _config(settings, agent) for agent in ordered},
        tasks=tasks,
        by_request={task.request: name for name, (_, task) in tasks.items() if not task.name},
        skipped=tuple(skipped),
        disabled=tuple(sorted(set(found) - set(enabled))),
    )


def _unfit(name: str, agent: object) -> str:
    if not isinstance(agent, Agent):
        return "its entry point is no Agent"
    if agent.name != name:
        return f"its entry point is called {name} and its name is {agent.name}"
    try:
        fits = SpecifierSet(agent.kernel).contains(Version(__version__), prereleases=True)
    except InvalidSpecifier:
        return f"its kernel range {agent.kernel!r} cannot be read"
    return "" if fits else f"it works with kernel {agent.kernel}, this is {__version__}"


def _refuse_unknown(settings: Settings, known: set[str]) -> None:
    for name in settings.agents:
        if name not in known:
            raise StartupError(
                f"configuration: [agents.{name}] names an agent that is not installed "
                f"(there are: {', '.join(sorted(known))})"
            )
    for name in settings.process.agents:
        if name not in known:
            raise StartupError(
                f"configuration: [process] agents names {name}, which is not installed "
                f"(there are: {', '.join(sorted(known))})"
            )


def _start_order(enabled: dict[str, Agent]) -> list[Agent]:
    """Put every agent behind those that it requires."""
    ordered: list[Agent] = []
    left = dict(sorted(enabled.items()))
    while left:
        ready = [agent for agent in left.values() if not set(agent.requires) & set(left)]
        if not ready:
            raise StartupError(f"agents require each other in a circle: {', '.join(left)}")
        for agent in ready:
            for needed in agent.requires:
                if needed not in enabled:
                    raise StartupError(
                        f"agent {agent.name} requires agent {needed}, which is disabled or not installed: "
                        f"set [agents.{needed}] enabled = true, "
                        f"or [agents.{agent.name}] enabled = false, in config/*.toml"
                    )
            ordered.append(left.pop(agent.name))
    return ordered


def _check_workflows(agents: list[Agent], tasks: dict[str, tuple[str, Task]]) -> None:
    for agent in agents:
        for workflow in agent.workflows:
            for step in workflow.steps:
                if step.task not in tasks:
                    raise StartupError(
                        f"workflow {workflow.name} of agent {agent.name} needs task {step.task}: "
                        f"set [agents.{step.task.partition('.')[0]}] enabled = true, "
                        f"or [agents.{agent.name}] enabled = false, in config/*.toml"
                    )


def _config(settings: Settings, agent: Agent) -> Any:
    section = {key: value for key, value in settings.agents.get(agent.name, {}).items() if key != "enabled"}
    if agent.config is None:
        if section:
            raise StartupError(f"configuration: [agents.{agent.name}] has no setting {next(iter(section))}")
        return None
    try:
        return msgspec.convert(section, agent.config, strict=False)
    except msgspec.ValidationError as fault:
        raise StartupError(f"configuration: [agents.{agent.name}]: {fault}") from None
