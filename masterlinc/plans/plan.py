"""Plans: what is stored of a workflow when it starts. Those written in code and those sent by users become the same."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from msgspec import Struct

from masterlinc.agent import OnFailure, Step, Task, Workflow

Kind = Literal["task", "signal", "timer", "workflow"]


class PlanStep(Struct, frozen=True, omit_defaults=True):
    """A step as it is stored; `after` holds the positions, from 1, of the steps that it needs."""

    name: str
    task: str = ""  # a task's full name, a signal's name or a workflow's full name
    kind: Kind = "task"
    task_version: int = 1
    agent: str = ""  # whose processes run it
    outside: bool = False
    depends_on: tuple[int, ...] = ()
    max_attempts: int = 8
    timeout_seconds: float | None = None
    undo: str = ""
    input: Any = None  # a template; None: the task is given the workflow's key (StepInput)
    undo_input: Any = None


class Plan(Struct, frozen=True):
    """A workflow that can be started."""

    name: str  # full name, as `claimlinc.claim`
    version: int
    agent: str  # who starts with it
    steps: tuple[PlanStep, ...]
    on_failure: OnFailure = "park"
    timeout_seconds: float | None = None


class PlanFault(ValueError):
    """A plan that could never run: `step` is the step's name, `code` says what is wrong with it."""

    def __init__(self, code: str, step: str, detail: str) -> None:
        self.code, self.step = code, step
        super().__init__(detail)


def compile_workflow(agent: str, workflow: Workflow, tasks: Mapping[str, tuple[str, Task]]) -> Plan:
    """Turn a workflow of an agent into its plan; raises PlanFault."""
    positions = {step.name: number for number, step in enumerate(workflow.steps, 1)}
    if len(positions) != len(workflow.steps):
        twice = next(step.name for step in workflow.steps if sum(one.name == step.name for one in workflow.steps) > 1)
        raise PlanFault("duplicate-step", twice, f"two steps are called {twice}")
    steps = tuple(
        _compile_step(agent, step, _positions(step, number, positions), tasks)
        for number, step in enumerate(workflow.steps, 1)
    )
    refuse_cycles(steps)
    return Plan(
        name=f"{agent}.{workflow.name}",
        version=workflow.version,
        agent=first_agent(steps, agent),
        steps=steps,
        on_failure=workflow.on_failure,
        timeout_seconds=_seconds(workflow.timeout),
    )


def refuse_cycles(steps: Sequence[PlanStep]) -> None:
    """Raise PlanFault where steps wait for each other; its detail names them in order."""
    circle = cycle({number: step.depends_on for number, step in enumerate(steps, 1)})
    if circle:
        names = [steps[number - 1].name for number in circle]
        raise PlanFault("cycle", names[0], f"these steps wait for each other: {' → '.join([*names, names[0]])}")


def cycle(edges: Mapping[int, Iterable[int]]) -> list[int]:
    """Return the nodes of one circle in order; none when there is none. No recursion: a user's graph may be deep."""
    done: set[int] = set()
    for start in edges:
        path = [] if start in done else [start]
        left = {start: iter(edges[start])}
        while path:
            node = path[-1]
            needed = next((one for one in left[node] if one not in done), None)
            if needed is None:
                done.add(path.pop())
            elif needed in path:
                return path[path.index(needed) :][::-1]
            else:
                path.append(needed)
                left[needed] = iter(edges.get(needed, ()))
    return []


def first_agent(steps: Sequence[PlanStep], otherwise: str) -> str:
    """Return the agent whose processes begin."""
    return next((step.agent for step in steps if step.agent and not step.depends_on), otherwise)


def agent_of(task: str) -> str:
    """Return the agent of a task's or workflow's full name."""
    return task.partition(".")[0]


def _positions(step: Step, number: int, positions: Mapping[str, int]) -> tuple[int, ...]:
    if step.after is None:
        return (number - 1,) if number > 1 else ()
    unknown = [name for name in step.after if name not in positions]
    if unknown:
        raise PlanFault("unknown-step", step.name, f"step {step.name} comes after {unknown[0]}, which is no step")
    return tuple(sorted({positions[name] for name in step.after}))


def _compile_step(
    agent: str, step: Step, depends_on: tuple[int, ...], tasks: Mapping[str, tuple[str, Task]]
) -> PlanStep:
    kinds = [step.task != "", step.signal != "", step.delay is not None, step.workflow != ""]
    if sum(kinds) != 1:
        raise PlanFault("kind", step.name, f"step {step.name} takes exactly one of task, signal, delay and workflow")
    for name in (step.task, step.undo):
        if name and name not in tasks:
            raise PlanFault("unknown-task", name, f"step {step.name} needs task {name}, which no enabled agent has")
    if step.task == "":
        return _waiting_step(agent, step, depends_on)
    task = tasks[step.task][1]
    return PlanStep(
        name=step.name,
        task=step.task,
        task_version=task.version,
        agent=agent_of(step.task),
        outside=not task.joins_transaction if step.outside is None else step.outside,
        depends_on=depends_on,
        max_attempts=step.max_attempts,
        timeout_seconds=_seconds(step.timeout),
        undo=step.undo,
    )


def _waiting_step(agent: str, step: Step, depends_on: tuple[int, ...]) -> PlanStep:
    kind: Kind = "signal" if step.signal else "timer" if step.delay is not None else "workflow"
    return PlanStep(
        name=step.name,
        task=step.signal or step.workflow,
        kind=kind,
        agent=agent_of(step.workflow) if step.workflow else agent,
        depends_on=depends_on,
        timeout_seconds=_seconds(step.delay if kind == "timer" else step.timeout),
        undo=step.undo,
    )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
