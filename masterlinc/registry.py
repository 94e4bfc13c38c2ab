"""Finds the agents, checks them against each other, and puts them in start order."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from masterlinc import __version__
from masterlinc.agent import Agent, Task
from masterlinc.clock import RIYADH
from masterlinc.errors import StartupError
from masterlinc.kernel_agent import KERNEL
from masterlinc.plans.plan import Plan, PlanFault, compile_workflow
from masterlinc.plans.starting import stored
from masterlinc.secrets import decode
from masterlinc.secrets.reading import read
from masterlinc.settings import Settings

GROUP = "masterlinc.agents"

# An agent's name is its schema in PostgreSQL, its section of the configuration and the head of its tasks' names.
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_TAKEN = frozenset({"masterlinc", "public", "information_schema", *Settings.__struct_fields__})


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
    plans: dict[str, Plan] = field(default_factory=dict)  # full name of a workflow → what is stored when it starts
    plan_texts: dict[str, str] = field(default_factory=dict)  # their steps, as `masterlinc.start_workflow` takes them
    former: dict[tuple[str, int], Task] = field(default_factory=dict)  # tasks that only workflows begun before use
    purposes: dict[str, str] = field(default_factory=dict)  # agent → why it uses health data, where it says so
    skipped: tuple[Skipped, ...] = ()
    disabled: tuple[Agent, ...] = ()

    def task(self, name: str, version: int | None = None) -> Task | None:
        """Return a task by its full name, in the version that a workflow began with; None where no agent has it."""
        found = self.tasks.get(name)
        if found is not None and version in {None, found[1].version}:
            return found[1]
        return None if version is None else self.former.get((name, version))

    def names(self) -> frozenset[str]:
        """Return the names of the enabled agents."""
        return frozenset(agent.name for agent in self.agents)


def discover(points: Iterable[EntryPoint] | None = None) -> tuple[list[Agent], list[Skipped]]:
    """Load every agent that is installed; one of this distribution that fails stops the start."""
    agents: dict[str, Agent] = {}
    skipped = []
    for point in sorted(points if points is not None else entry_points(group=GROUP), key=_built_in_first):
        agent, reason = _load(point)
        if agent is not None and point.name in agents:
            agent, reason = None, "another distribution has an agent of this name"
        if agent is not None:
            agents[point.name] = agent
        elif _built_in(point):
            raise StartupError(f"agent {point.name}: {reason}")
        else:
            skipped.append(Skipped(point.name, reason))
    return [agents[name] for name in sorted(agents)], skipped


def _load(point: EntryPoint) -> tuple[Agent | None, str]:
    try:
        agent = point.load()
    except Exception as fault:  # noqa: BLE001 - a foreign module may raise anything when it is imported
        return None, f"cannot be imported: {fault}"
    reason = _unfit(point.name, agent)
    return (None, reason) if reason else (agent, "")


def _built_in(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "masterlinc"


def _built_in_first(point: EntryPoint) -> tuple[bool, str, str]:
    return not _built_in(point), point.name, point.dist.name if point.dist is not None else ""


def assemble(settings: Settings, agents: Iterable[Agent], skipped: Iterable[Skipped] = ()) -> Registry:
    """Check configuration and requirements; raises StartupError with one line that says what to change."""
    found = {agent.name: agent for agent in agents}
    known = set(found) | {one.name for one in skipped}
    _refuse_unknown(settings, known)
    enabled = {name: agent for name, agent in found.items() if settings.enabled(name)}
    ordered = [KERNEL, *_start_order(enabled)]
    tasks, by_request, former = _tasks(ordered)
    plans = _plans(ordered, tasks)
    return Registry(
        agents=tuple(ordered),
        configs={agent.name: _config(settings, agent) for agent in ordered},
        tasks=tasks,
        by_request=by_request,
        plans=plans,
        plan_texts={name: stored(plan) for name, plan in plans.items()},
        former=former,
        purposes={agent.name: agent.purpose for agent in ordered if agent.purpose is not None},
        skipped=tuple(skipped),
        disabled=tuple(agent for name, agent in sorted(found.items()) if name not in enabled),
    )


def name_fits(name: str) -> bool:
    """Say whether a name can be that of a schema and of a section of the settings."""
    return _NAME.fullmatch(name) is not None and name not in _TAKEN and not name.startswith("pg_")


def _unfit(name: str, agent: object) -> str:
    if not isinstance(agent, Agent):
        return "its entry point is no Agent"
    if agent.name != name:
        return f"its entry point is called {name} and its name is {agent.name}"
    if not name_fits(name):
        return "its name cannot be that of a schema and of a section: it takes a-z, 0-9 and single underscores"
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
        if name not in known | {KERNEL.name}:
            raise StartupError(
                f"configuration: [process] agents names {name}, which is not installed "
                f"(there are: {', '.join(sorted(known))})"
            )


def _start_order(enabled: dict[str, Agent]) -> list[Agent]:
    """Put every agent behind those that it requires, or uses where they are enabled."""
    ordered: list[Agent] = []
    left = dict(sorted(enabled.items()))
    while left:
        ready = [agent for agent in left.values() if not {*agent.requires, *agent.optional} & set(left)]
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


def _tasks(
    agents: list[Agent],
) -> tuple[dict[str, tuple[str, Task]], dict[type[Struct], str], dict[tuple[str, int], Task]]:
    """Return the newest version of each task, what takes each request, and the former versions."""
    tasks: dict[str, tuple[str, Task]] = {}
    by_request: dict[type[Struct], str] = {}
    former: dict[tuple[str, int], Task] = {}
    for agent in agents:
        for task in sorted(agent.tasks, key=lambda one: (one.label, -one.version)):
            name = f"{agent.name}.{task.label}"
            if name in tasks:
                if tasks[name][1].version == task.version or (name, task.version) in former:
                    raise StartupError(f"agent {agent.name} has two tasks of the name {name}, version {task.version}")
                former[name, task.version] = task
                continue
            tasks[name] = agent.name, task
            if not task.name and (other := by_request.setdefault(task.request, name)) != name:
                raise StartupError(f"tasks {other} and {name} take the same request, {task.request.__name__}")
    return tasks, by_request, former


def _plans(agents: list[Agent], tasks: dict[str, tuple[str, Task]]) -> dict[str, Plan]:
    plans: dict[str, Plan] = {}
    for agent in agents:
        for workflow in agent.workflows:
            try:
                plan = compile_workflow(agent.name, workflow, tasks)
            except PlanFault as fault:
                raise StartupError(_words(agent, workflow.name, fault)) from None
            if plan.name in plans:
                raise StartupError(f"agent {agent.name} has two workflows of the name {workflow.name}")
            plans[plan.name] = plan
    for agent in agents:
        for schedule in agent.schedules:
            if f"{agent.name}.{schedule.workflow}" not in plans:
                raise StartupError(f"schedule {schedule.name} of agent {agent.name}: no workflow {schedule.workflow}")
            if not _comes(schedule.cron):
                raise StartupError(
                    f"schedule {schedule.name} of agent {agent.name}: {schedule.cron!r} is no cron expression "
                    "(minute, hour, day, month, weekday), or no date ever fits it"
                )
    return plans


def _comes(cron: str) -> bool:
    try:
        next(CronSim(cron, datetime.now(RIYADH)))
    except (CronSimError, StopIteration):
        return False
    return True


def _words(agent: Agent, workflow: str, fault: PlanFault) -> str:
    if fault.code != "unknown-task":
        return f"workflow {workflow} of agent {agent.name}: {fault}"
    return (
        f"workflow {workflow} of agent {agent.name} needs task {fault.step}: "
        f"set [agents.{fault.step.partition('.')[0]}] enabled = true, "
        f"or [agents.{agent.name}] enabled = false, in config/*.toml"
    )


def _config(settings: Settings, agent: Agent) -> Any:
    section = {key: value for key, value in settings.agents.get(agent.name, {}).items() if key != "enabled"}
    if agent.config is None:
        if section:
            raise StartupError(f"configuration: [agents.{agent.name}] has no setting {next(iter(section))}")
        return None
    try:
        config = msgspec.convert(section, agent.config, strict=False, dec_hook=decode)
    except msgspec.ValidationError as fault:
        raise StartupError(f"configuration: [agents.{agent.name}]: {fault}") from None
    read(config, settings.vault, f"agents.{agent.name}")
    return config
