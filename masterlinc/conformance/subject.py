"""The agent that is looked at: its object, its source, what it needs, and what it is allowed with a reason."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from masterlinc.agent import Agent, Task
from masterlinc.db.migrate import Folder, folders_of
from masterlinc.registry import Skipped


class Allowed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[tool.masterlinc.conformance.<agent>]` in pyproject.toml: exceptions with reasons, and where things are."""

    golden: str = "tests/events"  # the folder of the stored forms of events
    settings: dict[str, Any] = {}  # what the agent's section must hold for a start
    open_tables: dict[str, str] = {}  # table → why it is not under row-level security
    own_keys: dict[str, str] = {}  # table → why its key does not lead with the organization
    event_fields: dict[str, str] = {}  # `<event>/<field>` → why it is there though neither id nor state


@dataclass(frozen=True)
class Subject:
    """An agent that the kernel takes, with what the rules look at."""

    agent: Agent
    package: Path  # the folder of its source
    golden: Path  # the folder of the stored forms of its events
    installed: Mapping[str, Agent]  # every agent that is installed, by name
    allowed: Allowed = field(default_factory=Allowed)

    @property
    def name(self) -> str:
        """Return the agent's name."""
        return self.agent.name

    def needed(self) -> list[Agent]:
        """Return the agents that it works with, by name: required, optional, and those of its workflows' steps."""
        names = _reached(self.agent, self.installed, lambda agent: {*agent.requires, *agent.optional, *_stepped(agent)})
        return [self.installed[name] for name in sorted(names)]

    def independent(self) -> list[Agent]:
        """Return those of them that start without it."""
        return [
            agent
            for agent in self.needed()
            if self.name not in _reached(agent, self.installed, lambda one: {*one.requires, *_stepped(one)})
        ]

    def tasks(self) -> dict[str, tuple[str, Task]]:
        """Return its tasks and those of the agents that it needs in their newest version, by full name."""
        found = [(agent.name, task) for agent in (*self.needed(), self.agent) for task in agent.tasks]
        found.sort(key=lambda one: one[1].version)
        return {f"{agent}.{task.label}": (agent, task) for agent, task in found}

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Yield its modules: name, file."""
        for path in sorted(self.package.rglob("*.py")):
            parts = path.relative_to(self.package).with_suffix("").parts
            if "migrations" not in parts:
                yield ".".join((self.name, *(part for part in parts if part != "__init__"))), path

    def migrations(self) -> Folder | None:
        """Return its migrations, if it has any."""
        return next((folder for folder in folders_of([self.agent]) if folder.app == self.name), None)


def subject_of(
    name: str, found: Iterable[Agent], skipped: Iterable[Skipped], root: Path, allowed: Allowed | None = None
) -> Subject | str:
    """Return what the rules look at, or why the kernel does not take the agent; `root` is the project's folder."""
    installed = {agent.name: agent for agent in found}
    for one in skipped:
        if one.name == name:
            return f"the kernel skips {name}: {one.reason}"
    if name not in installed:
        return f'no agent {name} is installed: pip install --editable . with an entry point of "masterlinc.agents"'
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return f"agent {name} is not in a package of its own name: call the package {name}"
    allowed = allowed or Allowed()
    package = Path(next(iter(spec.submodule_search_locations)))
    return Subject(installed[name], package, root / allowed.golden, installed, allowed)


def allowances(project: Mapping[str, Any], name: str) -> Allowed:
    """Read what a project's pyproject.toml allows an agent; raises msgspec.ValidationError for an unknown key."""
    section = project.get("tool", {}).get("masterlinc", {}).get("conformance", {}).get(name, {})
    return msgspec.convert(section, Allowed)


def _reached(start: Agent, installed: Mapping[str, Agent], needs: Callable[[Agent], set[str]]) -> set[str]:
    """Return the names of the installed agents that one comes to by its needs, and by theirs."""
    found: set[str] = set()
    left = [start]
    while left:
        for name in needs(left.pop()) - found:
            if name in installed and name != start.name:
                found.add(name)
                left.append(installed[name])
    return found


def _stepped(agent: Agent) -> set[str]:
    steps = [step for workflow in agent.workflows for step in workflow.steps]
    return {full.partition(".")[0] for step in steps for full in (step.task, step.undo, step.workflow) if full}
