"""Rules of tasks and workflows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import iscoroutinefunction

from cronsim import CronSimError
from msgspec import Struct

from masterlinc.agent import StepInput, Workflow
from masterlinc.conformance.subject import Subject
from masterlinc.errors import StartupError
from masterlinc.plans.plan import PlanFault, compile_workflow
from masterlinc.registry import Registry
from masterlinc.tools.catalogue import catalogue
from masterlinc.wire.schema import schema
from masterlinc.workflow.schedules import following

_LABEL = re.compile(r"[a-z]+(_[a-z0-9]+)*", re.ASCII)


def its_tasks_can_be_called(subject: Subject) -> Iterator[str]:
    """A task has a name of its own, a request of its own and a coroutine."""
    names = [(task.label, task.version) for task in subject.agent.tasks]
    for label in sorted({name[0] for name in names if not _LABEL.fullmatch(name[0]) or names.count(name) > 1}):
        yield f'Task {label}: name="…" takes a-z, 0-9 and underscores, and no two tasks of a version have the same'
    takers: dict[type[Struct], set[str]] = {}
    for task in subject.agent.tasks:
        takers.setdefault(task.request, set()).update([] if task.name else [task.label])
    for request, labels in takers.items():
        if len(labels) > 1:
            yield f"tasks {', '.join(sorted(labels))} take {request.__name__}: give each a request of its own"
    for task in subject.agent.tasks:
        if not iscoroutinefunction(task.run):
            yield f"Task {task.label}: write async def {getattr(task.run, '__name__', 'run')}(ctx, request)"


def its_tasks_can_be_written_as_json(subject: Subject) -> Iterator[str]:
    """Requests and answers have a JSON schema, which clients and AI tools are shown."""
    for task in subject.agent.tasks:
        for what, type_ in (("request", task.request), ("answer", task.answer)):
            try:
                schema(type_)
            except Exception as fault:  # noqa: BLE001 - a type that is no Struct, or of which msgspec knows nothing
                yield f"Task {task.label}: {what} {getattr(type_, '__name__', type_)} has no JSON schema ({fault})"


def its_workflows_can_run(subject: Subject) -> Iterator[str]:
    """The tasks of every step are there, and no steps wait for each other."""
    tasks = subject.tasks()
    known = {f"{agent.name}.{one.name}" for agent in (*subject.needed(), subject.agent) for one in agent.workflows}
    names = [one.name for one in subject.agent.workflows]
    for workflow in subject.agent.workflows:
        if names.count(workflow.name) > 1:
            yield f"two workflows are called {workflow.name}"
        try:
            compile_workflow(subject.name, workflow, tasks)
        except PlanFault as fault:
            yield f"workflow {workflow.name}: {fault}"
        for step in workflow.steps:
            if step.workflow and step.workflow not in known:
                yield f"workflow {workflow.name}: step {step.name} runs {step.workflow}, which no agent it requires has"


def its_steps_are_given_ids(subject: Subject) -> Iterator[str]:
    """The task of a step, and that of its undoing, takes a StepInput: ids, never health data."""
    tasks = subject.tasks()
    for workflow, name in _tasks_of_steps(subject):
        if name in tasks and tasks[name][1].request is not StepInput:
            yield f"workflow {workflow.name}: task {name} takes no StepInput: declare one with Task(StepInput, …)"


def its_tools_are_offered_with_a_right(subject: Subject) -> Iterator[str]:
    """A task that declares itself a tool for AI clients asks for a permission, and is no step of a workflow."""
    own = {name: one for name, one in subject.tasks().items() if one[0] == subject.name}
    try:
        catalogue(Registry(agents=(subject.agent,), configs={}, tasks=own, by_request={}))
    except StartupError as fault:
        yield f"{fault}: mend it, or take tool=True out"


def its_schedules_start_workflows(subject: Subject) -> Iterator[str]:
    """A schedule has a time that comes, and starts a workflow of the agent itself."""
    names = {one.name for one in subject.agent.workflows}
    for one in subject.agent.schedules:
        try:
            following(one.cron, datetime.now(UTC))
        except (CronSimError, StopIteration):
            yield f"schedule {one.name}: {one.cron!r} is no time that comes: write minute, hour, day, month, weekday"
        if one.workflow not in names:
            yield f"schedule {one.name} starts {one.workflow}, and the agent has: {', '.join(sorted(names)) or 'none'}"


def _tasks_of_steps(subject: Subject) -> Iterator[tuple[Workflow, str]]:
    for workflow in subject.agent.workflows:
        for step in workflow.steps:
            for name in (step.task, step.undo):
                if name:
                    yield workflow, name


RULES = (
    its_tasks_can_be_called,
    its_tasks_can_be_written_as_json,
    its_workflows_can_run,
    its_steps_are_given_ids,
    its_tools_are_offered_with_a_right,
    its_schedules_start_workflows,
)
