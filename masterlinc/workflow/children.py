"""Steps that are no task: those that wait for a signal, a time or another workflow."""

from contextlib import suppress
from datetime import datetime, timedelta

from masterlinc.context import Services
from masterlinc.db.transaction import Transaction
from masterlinc.plans import control, starting
from masterlinc.workflow import calling
from masterlinc.workflow import run as rules
from masterlinc.workflow.run import ENDED, Child, Run, StepRow

_LATE = "waited {:g} seconds in vain"


async def start(services: Services, run: Run, transaction: Transaction, step: StepRow) -> bool:
    """Start the workflow that a step stands for; its end wakes this one."""
    plan = services.registry.plans.get(step.task)
    if plan is None:
        rules.broken(run, step, f"there is no workflow {step.task}", park=True)
        return False
    sealed = run.inputs.get(step.position)
    asked = calling.filled(services, run, step, "input", sealed) if sealed else None
    key = str(asked["key"]) if isinstance(asked, dict) and "key" in asked else f"{run.id}/{step.name}"
    made = await starting.start(
        services,
        transaction,
        plan,
        starting.Start(key, run.organization_id, actor=run.actor, parent_id=run.id, parent_position=step.position),
    )
    if made is None:
        rules.broken(run, step, f"workflow {step.task} was started before for this key", park=False)
        return False
    run.children[step.position] = Child(step.position, "running", made)
    rules.pause(run, step, _until(run, step))
    return True


def left_behind(run: Run) -> list[Child]:
    """Return the workflows that a run which stops has started, and which go on."""
    if not run.stopping:
        return []
    return [one for one in run.children.values() if one.status in control.CANCELLABLE]


async def stop(services: Services, run: Run, transaction: Transaction) -> None:
    """Cancel what a run that stops leaves behind."""
    for child in left_behind(run):
        with suppress(control.WrongState):  # it has ended meanwhile
            await control.cancel(services, transaction, child.id, f"workflow {run.id} has stopped", None)
        run.children[child.position] = Child(child.position, "undoing", child.id)


def look(services: Services, run: Run, step: StepRow) -> None:
    """See whether what a step waits for has come."""
    if step.kind == "timer":
        _look_at_clock(run, step)
    elif step.kind == "signal":
        _look_for_signal(services, run, step)
    else:
        _look_at_child(services, run, step)


def _look_at_clock(run: Run, step: StepRow) -> None:
    began = step.started_at or run.now()
    until = began + timedelta(seconds=step.timeout_seconds or 0)
    if run.now() >= until:
        rules.done(run, step)
    else:
        rules.pause(run, step, until)


def _look_for_signal(services: Services, run: Run, step: StepRow) -> None:
    signal = next((one for one in run.signals if one.name == step.task), None)
    if signal is not None:
        run.signals.remove(signal)
        run.taken.append((signal.id, step.position))
        payload = calling.opened_signal(services, run, signal)
        rules.done(
            run, step, output=None if payload is None else calling.seal(services, run, step.position, "output", payload)
        )
        return
    _go_on_waiting(run, step)


def _look_at_child(services: Services, run: Run, step: StepRow) -> None:
    child = run.children[step.position]
    if child.status == "done":
        value = {"workflow_id": child.id, "status": child.status}
        rules.done(run, step, output=calling.seal(services, run, step.position, "output", value))
    elif child.status in ENDED:
        rules.broken(run, step, f"workflow {step.task} has {child.status}", park=False)
    else:
        _go_on_waiting(run, step)


def _go_on_waiting(run: Run, step: StepRow) -> None:
    until = _until(run, step)
    if until is not None and run.now() >= until:
        run.told("timed_out", step, None)
        rules.broken(run, step, _LATE.format(step.timeout_seconds), park=False)
    else:
        rules.pause(run, step, until)


def _until(run: Run, step: StepRow) -> datetime | None:
    if step.timeout_seconds is None:
        return None
    return (step.started_at or run.now()) + timedelta(seconds=step.timeout_seconds)
