"""How a step's task is found and called: with which input, as whom; and what its answer or fault means."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from masterlinc.agent import DEFAULT_PURPOSE, Fail, Park, Retry, StepDone, StepInput, StepRun, Task, Wait
from masterlinc.backoff import backoff
from masterlinc.context import Context, Services
from masterlinc.db.actor import Actor as AuditActor
from masterlinc.errors import DomainError
from masterlinc.faults import in_short, storable
from masterlinc.plans.control import signal_label
from masterlinc.plans.plan import agent_of
from masterlinc.plans.starting import CONTEXT, label
from masterlinc.security.principal import NOBODY, Principal, service_principal
from masterlinc.wire import decode, encode, tree
from masterlinc.workflow import run as rules
from masterlinc.workflow.run import Run, Signal, StepRow
from masterlinc.workflow.template import CONTEXT as CONTEXT_NAME
from masterlinc.workflow.template import TemplateError, references, render

_SOON = timedelta(milliseconds=50)
MOST_BYTES = 16_777_216  # of what the steps of a user's workflow answer, together
_NEW_VERSION = timedelta(seconds=5)
_PASSING = frozenset({409, 423, 425, 429})  # a caller's own states that may pass
_TRANSIENT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True)
class Answer:
    """What a task answered, as it is kept."""

    note: str | None
    output: bytes | None


@dataclass(frozen=True)
class Call:
    """A task that is ready to be run for a step."""

    context: Context
    task: Task
    request: Any


def seal(services: Services, run: Run, position: int, kind: str, value: Any) -> bytes:
    """Seal a payload of a run."""
    return services.vault.seal(run.organization_id, label(run.id, position, kind), encode(value))


def opened(services: Services, run: Run, position: int, kind: str, sealed: bytes | None) -> Any:
    """Open a payload of a run."""
    if sealed is None:
        return None
    return tree(services.vault.open(run.organization_id, label(run.id, position, kind), sealed))


def opened_signal(services: Services, run: Run, signal: Signal) -> Any:
    """Open a signal's payload."""
    if signal.payload is None:
        return None
    return tree(services.vault.open(run.organization_id, signal_label(signal.id), signal.payload))


def scope(run: Run) -> frozenset[UUID]:
    """Return the organizations whose rows a run's steps may touch."""
    return frozenset(run.actor.organizations) if run.actor else frozenset({run.organization_id})


def actor(services: Services, run: Run) -> AuditActor:
    """Return who acts, as audit rows name them."""
    purpose = services.registry.purposes.get(run.agent, DEFAULT_PURPOSE)
    if run.actor is None:
        return AuditActor(trace_id=run.id.hex, organization_id=run.organization_id, purpose=purpose)
    who = run.actor
    return AuditActor(who.id, who.kind, None, run.id.hex, organization_id=who.organization_id, purpose=purpose)


def prepare(services: Services, run: Run, step: StepRow) -> Call:
    """Find the task of a step, its input and on whose behalf it runs."""
    undoing = step.status == "done"
    name = step.undo if undoing else step.task
    task = services.registry.task(name, None if undoing else step.task_version)
    if task is None:
        raise Retry(f"task {name} version {step.task_version} is in no enabled agent here", _NEW_VERSION)
    agent = agent_of(name)
    started = step.started_at or run.now()
    principal = _principal(agent, run)
    if run.actor is not None and task.permission:
        principal.require(task.permission)
    context = Context(
        agent,
        services,
        principal,
        trace_id=run.id.hex,
        step=StepRun(run.id, *_named(step), started, run.now()),
    )
    return Call(context, task, _request(services, run, step, task, undoing=undoing))


def _named(step: StepRow) -> tuple[str, int]:
    """Return what names the attempt to others: what takes a step back must not look like its deed again."""
    if step.status == "done":
        return f"{step.name}/undo", step.undo_attempts + 1
    return step.name, step.attempts + 1


def _principal(agent: str, run: Run) -> Principal:
    if run.actor is None:
        return service_principal(agent, frozenset({run.organization_id}))
    who = run.actor
    return Principal(
        user_id=who.id,
        organization_id=who.organization_id,
        organizations=frozenset(who.organizations),
        roles=frozenset(),
        permissions=frozenset(who.permissions),
        session_id=NOBODY,
        kind="user",  # never `service`, which needs no permission
        expires_at=datetime.max.replace(tzinfo=UTC),
    )


def _request(services: Services, run: Run, step: StepRow, task: Task, *, undoing: bool) -> Any:
    kind = "undo_input" if undoing else "input"
    sealed = (run.undo_inputs if undoing else run.inputs).get(step.position)
    if sealed is None:
        return StepInput(run.key, run.organization_id)
    return decode(encode(filled(services, run, step, kind, sealed)), task.request)


def filled(services: Services, run: Run, step: StepRow, kind: str, sealed: bytes) -> Any:
    """Return a step's input with the outputs of earlier steps in their places."""
    template = opened(services, run, step.position, kind, sealed)
    needed = {reference.root for _, reference in references(template)}
    outputs = {
        run.step(place).name: opened(services, run, place, "output", value)
        for place, value in run.outputs.items()
        if run.step(place).name in needed
    }
    context = opened(services, run, CONTEXT, "input", run.inputs.get(CONTEXT)) if CONTEXT_NAME in needed else None
    return render(template, outputs, context)


def kept(services: Services, run: Run, step: StepRow, answer: Any) -> Answer:
    """Return a task's answer as it is kept; raises what hinders that: it is the step's own fault."""
    note = storable(answer.note) or None if isinstance(answer, StepDone) else None
    if step.status == "done" or (isinstance(answer, StepDone) and run.actor is None):
        return Answer(note, None)
    sealed = seal(services, run, step.position, "output", answer)
    run.kept_bytes += len(sealed)
    if run.actor is not None and run.kept_bytes > MOST_BYTES:  # a small graph could make a large one of its context
        raise Fail(f"the answers of this workflow are more than {MOST_BYTES:,} bytes together")
    return Answer(note, sealed)


def failed(services: Services, run: Run, step: StepRow, fault: BaseException) -> None:
    """Take what a step raised: it waits, is tried again, or has failed for good."""
    if isinstance(fault, Wait):
        after = None if fault.after is None else run.now() + fault.after
        rules.pause(run, step, fault.until or after)
    elif isinstance(fault, Retry):
        rules.again(run, step, in_short(fault), fault.after, counts=False)
    elif isinstance(fault, _TRANSIENT):
        rules.again(run, step, in_short(fault), _SOON, counts=False)
    elif _is_final(fault) or _starts(run, step) >= step.max_attempts:
        # A reference is the user's own text and may name anybody: its words are kept with the answer, sealed.
        reason = "a reference leads nowhere" if isinstance(fault, TemplateError) else in_short(fault)
        rules.broken(run, step, reason, park=isinstance(fault, Park), output=_problem(services, run, step, fault))
    else:
        rules.again(run, step, in_short(fault), backoff(_starts(run, step)), counts=True)


def _starts(run: Run, step: StepRow) -> int:
    counted = step.undo_attempts if step.status == "done" else step.attempts
    return counted + (step.position not in run.marked)


def _is_final(fault: BaseException) -> bool:
    if isinstance(fault, DomainError):
        return 400 <= fault.status < 500 and fault.status not in _PASSING  # noqa: PLR2004 - RFC 9110: client errors
    return isinstance(fault, Fail | Park | TemplateError)


def _problem(services: Services, run: Run, step: StepRow, fault: BaseException) -> bytes | None:
    """Keep what a user's graph was told, sealed: an error's words may quote health data."""
    if run.actor is None:
        return None
    if isinstance(fault, TemplateError):
        words = {"code": "reference", "detail": str(fault), "detail_ar": f"مرجع لا يؤدي إلى قيمة: {fault.path}"}
        return seal(services, run, step.position, "output", {"error": words | {"errors": []}})
    if not isinstance(fault, DomainError):
        return None
    problem = {
        "code": fault.code,
        "detail": fault.detail or fault.title,
        "detail_ar": fault.detail_ar or fault.title_ar,
        "errors": list(fault.errors),
    }
    return seal(services, run, step.position, "output", {"error": problem})
