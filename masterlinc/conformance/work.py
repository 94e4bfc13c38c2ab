"""Rules of tasks and workflows."""

import re
from collections.abc import Iterator
from inspect import iscoroutinefunction

from masterlinc.agent import StepInput, Workflow
from masterlinc.conformance.subject import Subject
from masterlinc.plans.plan import PlanFault, compile_workflow
from masterlinc.wire.schema import schema

_LABEL = re.compile(r"[a-z]+(_[a-z0-9]+)*", re.ASCII)


def its_tasks_can_be_called(subject: Subject) -> Iterator[str]:
    """A task has a name of its own, a request of its own and a coroutine."""
    labels = [task.label for task in subject.agent.tasks]
    requests = [task.request for task in subject.agent.tasks if not task.name]
    for label in sorted({label for label in labels if not _LABEL.fullmatch(label) or labels.count(label) > 1}):
        yield f'Task {label}: name="…" takes a-z, 0-9 and underscores, and no two tasks have the same'
    for request in {request for request in requests if requests.count(request) > 1}:
        yield f"two tasks take {request.__name__}: give each a request of its own"
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
    names = [one.name for one in subject.agent.workflows]
    for workflow in subject.agent.workflows:
        if names.count(workflow.name) > 1:
            yield f"two workflows are called {workflow.name}"
        try:
            compile_workflow(subject.name, workflow, tasks)
        except PlanFault as fault:
            yield f"workflow {workflow.name}: {fault}"


def its_steps_are_given_ids(subject: Subject) -> Iterator[str]:
    """The task of a step, and that of its undoing, takes a StepInput: ids, never health data."""
    tasks = subject.tasks()
    for workflow, name in _tasks_of_steps(subject):
        if name in tasks and tasks[name][1].request is not StepInput:
            yield f"workflow {workflow.name}: task {name} takes no StepInput: declare one with Task(StepInput, …)"


def its_schedules_start_workflows(subject: Subject) -> Iterator[str]:
    """A schedule starts a workflow of the agent itself."""
    names = {one.name for one in subject.agent.workflows}
    for one in subject.agent.schedules:
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
    its_schedules_start_workflows,
)
