"""A workflow of one task: what `/execute`, delegation and messages start."""

from typing import Any

from masterlinc.agent import Task
from masterlinc.plans.plan import Plan, PlanStep
from masterlinc.workflow.form import DEFAULT_ATTEMPTS
from masterlinc.workflow.template import literal

NAME = "masterlinc.execute"
VERSION = 1


def plan_of(agent: str, task: Task, given: Any, *, timeout_seconds: float | None = None) -> Plan:
    """Return the plan that runs a task once with this input, as it is written: nothing in it is a reference."""
    step = PlanStep(
        name=task.label,
        task=f"{agent}.{task.label}",
        task_version=task.version,
        agent=agent,
        outside=not task.joins_transaction,
        max_attempts=DEFAULT_ATTEMPTS,
        timeout_seconds=timeout_seconds,
        input=literal(given),
    )
    return Plan(NAME, VERSION, agent, (step,), "fail", timeout_seconds)
