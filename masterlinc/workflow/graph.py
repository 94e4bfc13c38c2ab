"""A user's graph becomes a plan, or is refused with every fault at once, before anything runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from masterlinc.agent import OnFailure
from masterlinc.errors import FieldError, Forbidden, Invalid, Malformed
from masterlinc.plans import plan
from masterlinc.plans.plan import Plan, PlanStep
from masterlinc.security.principal import Principal
from masterlinc.workflow.form import MAX_STEPS, Compensation, Graph, GraphStep
from masterlinc.workflow.inputs import Found, Known, check_input, read
from masterlinc.workflow.targets import KERNEL, Target, Targets
from masterlinc.workflow.template import CONTEXT

if TYPE_CHECKING:
    from masterlinc.registry import Registry

NAME = f"{KERNEL}.graph"
VERSION = 1


class UnknownAgent(Malformed):
    """A step names an agent that is not installed."""

    code = "unknown-agent"
    title, title_ar = "There is no such agent", "لا يوجد وكيل بهذا الاسم"


class GraphRefused(Invalid):
    """A workflow that could never run as it is."""

    code = "workflow-invalid"
    title, title_ar = "The workflow cannot run as it is", "لا يمكن تشغيل سير العمل بصيغته الحالية"


class TaskForbidden(Forbidden):
    """The caller lacks the permission of a task."""

    code = "task-forbidden"
    title, title_ar = "A task of this work is not allowed for you", "إحدى مهام هذا العمل غير مسموحة لك"


def compile_graph(graph: Graph, registry: "Registry", principal: Principal) -> Plan:
    """Turn a user's graph into its plan; raises UnknownAgent (400), GraphRefused (422) or TaskForbidden (403)."""
    faults = _count(graph.steps)
    if faults:
        raise GraphRefused(errors=faults)
    targets = Targets(registry, principal)
    context = read(graph.context, "context", targets.faults)
    aims = [_aim(targets, step, f"steps[{index}]") for index, step in enumerate(graph.steps)]
    edges = _edges(graph, targets.faults)
    circle = plan.cycle(edges)
    if circle:
        targets.faults.append(_circle(graph, circle))
    ancestors = {} if circle else _ancestors(edges)
    inputs = [
        _inputs(graph, index, aim, _Scene(aims, context, ancestors.get(index + 1)), targets.faults)
        for index, aim in enumerate(aims)
    ]
    _refuse(targets)
    steps = tuple(
        _step(step, aim, given, edges[number])
        for number, (step, aim, given) in enumerate(zip(graph.steps, aims, inputs, strict=True), 1)
    )
    return Plan(NAME, VERSION, plan.first_agent(steps, KERNEL), steps, _on_failure(graph), graph.timeout)


class _Scene:
    """What a step's references may name: `ancestors` is a set of positions as bits; None where a circle hides it."""

    def __init__(self, aims: "Sequence[_Aim]", context: Found, ancestors: int | None) -> None:
        self.aims, self.context, self.ancestors = aims, context, ancestors

    def known(self, graph: Graph, own: int | None = None) -> Known:
        """Return the steps that exist, and which of them have ended by then; `own` counts as ended."""
        answers: dict[str, type | None] = {}
        ended: set[str] = set()
        for number, (step, aim) in enumerate(zip(graph.steps, self.aims, strict=True), 1):
            answers.setdefault(step.step_id, aim.target.answer if aim.target else None)
            if self.ancestors is None or self.ancestors >> number & 1 or number == own:
                ended.add(step.step_id)
        return Known(answers, frozenset(ended), self.context, graph.execution_mode)


class _Aim:
    """What a step runs, and what takes it back."""

    def __init__(self, target: Target | None, undo: Target | None) -> None:
        self.target, self.undo = target, undo


def _count(steps: Sequence[GraphStep]) -> list[FieldError]:
    if not steps:
        return [FieldError("steps", "empty", "A workflow needs a step", "يحتاج سير العمل إلى خطوة واحدة على الأقل")]
    if len(steps) > MAX_STEPS:
        detail = f"A workflow has at most {MAX_STEPS} steps", f"يتكون سير العمل من {MAX_STEPS} خطوة على الأكثر"
        return [FieldError("steps", "length", *detail)]
    return []


def _aim(targets: Targets, step: GraphStep, path: str) -> _Aim:
    if step.step_id == CONTEXT:
        targets.faults.append(
            FieldError(f"{path}.step_id", "reserved", f"`{CONTEXT}` is no name for a step", f"الاسم {CONTEXT} محجوز")
        )
    undo, back = step.compensation, None
    if undo is not None:
        back = targets.find(undo.agent_id or step.agent_id, undo.action, f"{path}.compensation", undoing=True)
    return _Aim(targets.find(step.agent_id, step.action, path), back)


def _edges(graph: Graph, faults: list[FieldError]) -> dict[int, tuple[int, ...]]:
    """Return which positions each position waits for; what is wrong with the names goes to the faults."""
    positions: dict[str, int] = {}
    for number, step in enumerate(graph.steps, 1):
        if positions.setdefault(step.step_id, number) != number:
            detail = f"Two steps are called {step.step_id}", f"خطوتان بالاسم {step.step_id}"
            faults.append(FieldError(f"steps[{number - 1}].step_id", "duplicate", *detail))
    edges = {}
    for number, step in enumerate(graph.steps, 1):
        needed = {positions[name] for name in step.depends_on if name in positions and positions[name] != number}
        faults += _named(step, number, positions, graph.execution_mode)
        if graph.execution_mode == "parallel":
            needed = set()
        elif graph.execution_mode == "sequential" and number > 1:
            needed.add(number - 1)
        edges[number] = tuple(sorted(needed))
    return edges


def _named(step: GraphStep, number: int, positions: Mapping[str, int], mode: str) -> list[FieldError]:
    path = f"steps[{number - 1}].depends_on"
    if mode == "parallel" and step.depends_on:
        detail = (
            "Parallel steps wait for nothing: use execution_mode mixed",
            "الخطوات المتوازية لا تنتظر شيئاً: استخدم execution_mode بقيمة mixed",
        )
        return [FieldError(path, "parallel", *detail)]
    found = []
    for place, name in enumerate(step.depends_on):
        if name == step.step_id:
            detail = "A step cannot wait for itself", "لا يمكن أن تنتظر الخطوة نفسها"
            found.append(FieldError(f"{path}[{place}]", "self", *detail))
        elif name not in positions:
            detail = f"There is no step {name}", f"لا توجد خطوة باسم {name}"
            found.append(FieldError(f"{path}[{place}]", "unknown-step", *detail))
    return found


def _circle(graph: Graph, circle: Sequence[int]) -> FieldError:
    names = [graph.steps[number - 1].step_id for number in (*circle, circle[0])]
    detail, detail_ar = (
        f"These steps wait for each other: {' → '.join(names)}",
        f"خطوات تنتظر بعضها: {' ← '.join(names)}",
    )
    if graph.execution_mode == "sequential":
        detail += "; sequential steps run in the order of the list"
        detail_ar += "؛ الخطوات المتسلسلة تعمل بترتيب القائمة"
    return FieldError(f"steps[{circle[0] - 1}].depends_on", "cycle", detail, detail_ar)


def _ancestors(edges: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return for each position the set of those that end before it, as bits; no recursion, and no circle."""
    known: dict[int, int] = {}
    for start in edges:
        path = [start]
        while path:
            left = [one for one in edges[path[-1]] if one not in known]
            if left:
                path.append(left[0])
                continue
            node, before = path.pop(), 0
            for one in edges[node]:
                before |= known[one] | 1 << one
            known[node] = before
    return known


def _inputs(graph: Graph, index: int, aim: _Aim, scene: _Scene, faults: list[FieldError]) -> tuple[Any, Any]:
    step, path = graph.steps[index], f"steps[{index}]"
    given = check_input(step.input_data, aim.target, scene.known(graph), f"{path}.input_data", faults)
    undo: Compensation | None = step.compensation
    if undo is None:
        return given, None
    known = scene.known(graph, own=index + 1)
    return given, check_input(undo.input_data, aim.undo, known, f"{path}.compensation.input_data", faults)


def _refuse(targets: Targets) -> None:
    faults = [*targets.faults, *targets.forbidden]
    if any(fault.code == "unknown-agent" for fault in faults):
        raise UnknownAgent(errors=faults)
    if targets.faults:
        raise GraphRefused(errors=faults)
    if targets.forbidden:
        raise TaskForbidden(targets.forbidden[0].detail, targets.forbidden[0].detail_ar, errors=faults)


def _step(step: GraphStep, aim: _Aim, given: tuple[Any, Any], depends_on: tuple[int, ...]) -> PlanStep:
    assert aim.target is not None, "a graph without faults has found its tasks"
    target, undo = aim.target, aim.undo
    common: dict[str, Any] = {"name": step.step_id, "depends_on": depends_on, "timeout_seconds": step.timeout}
    if target.task is None:
        return PlanStep(task=given[0]["name"], kind="signal", agent=KERNEL, **common)
    return PlanStep(
        task=target.name,
        task_version=target.task.version,
        agent=target.agent,
        outside=not target.task.joins_transaction,
        max_attempts=step.max_attempts,
        input=given[0],
        undo=undo.name if undo else "",
        undo_input=given[1],
        **common,
    )


def _on_failure(graph: Graph) -> OnFailure:
    if graph.on_failure is not None:
        return graph.on_failure
    return "undo" if any(step.compensation for step in graph.steps) else "fail"
