"""Which tasks are tools: those that declare themselves safe, under names that AI clients take."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from masterlinc.agent import StepInput, Task
from masterlinc.errors import StartupError
from masterlinc.registry import Registry
from masterlinc.security.principal import Principal
from masterlinc.wire.schema import schema

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)  # what every known client takes


@dataclass(frozen=True)
class Tool:
    """A task as a tool."""

    name: str  # as `sbslinc_normalize_codes`
    agent: str
    task: Task

    @property
    def description(self) -> str:
        """Return what it does, in English and in Arabic."""
        return f"{self.task.summary}. {self.task.summary_ar}."

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what it takes."""
        return schema(self.task.request)

    @property
    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what it answers."""
        return schema(self.task.answer)


@dataclass(frozen=True)
class Catalogue:
    """Every tool of the enabled agents, by name."""

    tools: dict[str, Tool]

    def find(self, name: str) -> Tool | None:
        """Return the tool of a name."""
        return self.tools.get(name)

    def offered(self, principal: Principal, agent: str | None = None) -> Iterator[Tool]:
        """Return the tools that a caller may use, of one agent where one is named."""
        for tool in self.tools.values():
            if principal.may(tool.task.permission) and agent in {None, tool.agent}:
                yield tool


def catalogue(registry: Registry) -> Catalogue:
    """Collect the tools; raises StartupError naming a task that cannot be one."""
    tools: dict[str, Tool] = {}
    for full, (agent, task) in sorted(registry.tasks.items()):
        if task.tool:
            name = full.replace(".", "_")
            fault = _fault(name, task)
            if not fault and name in tools:
                fault = f"is the tool {name}, and so is {tools[name].agent}.{tools[name].task.label}"
            if fault:
                raise StartupError(f"agent {agent}: task {full} declares itself a tool, and {fault}")
            tools[name] = Tool(name, agent, task)
    return Catalogue(tools)


def _fault(name: str, task: Task) -> str:
    if not task.permission:
        return "asks for no permission"
    if task.request is StepInput:
        return "is a step of a workflow"
    if not _NAME.fullmatch(name):
        return f"{name} is no name that AI clients take: at most 64 of a-z, 0-9 and _"
    return ""
