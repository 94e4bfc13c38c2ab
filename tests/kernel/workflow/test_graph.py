"""Graphs of users: accepted with a plan, or refused with every fault at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from masterlinc.agent import Agent, Task
from masterlinc.errors import DomainError
from masterlinc.registry import Registry
from masterlinc.security.principal import ANONYMOUS, Principal
from masterlinc.wire import decode
from masterlinc.workflow import graph as graphs
from masterlinc.workflow.form import Graph
from masterlinc.workflow.graph import GraphRefused, TaskForbidden, UnknownAgent, compile_graph


class Find(Struct, frozen=True):
    name: str
    year: int = 0


class Found(Struct, frozen=True):
    patient_id: str
    more: dict[str, Any]


class Echo(Struct, frozen=True):
    message: Any


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    amount: int


async def nothing(ctx, request):
    raise AssertionError("nothing runs here")


def agent(name: str, *tasks: Task) -> Agent:
    return Agent(name, name, name, "1", ">=0", tasks=tasks)


def task(request: type[Struct], answer: type[Struct], name: str, permission: str, **more: Any) -> Task:
    return Task(request, answer, nothing, name, name, permission=permission, name=name, **more)


KERNEL = agent("masterlinc", task(Echo, Echo, "echo", "task:execute", joins_transaction=True))
TOY = agent(
    "toylinc",
    task(Find, Found, "find", "toy:read", joins_transaction=True, version=3),
    task(Strict, Echo, "strict", "toy:read"),
    task(Find, Found, "erase", "toy:erase"),
    task(Find, Found, "inner", ""),
)
REGISTRY = Registry((KERNEL, TOY), {}, {}, {}, disabled=(agent("offlinc"),))
ALL = frozenset({"task:execute", "toy:read", "toy:erase"})


def principal(permissions: frozenset[str] = ALL) -> Principal:
    return Principal(
        ANONYMOUS.user_id,
        ANONYMOUS.organization_id,
        frozenset(),
        frozenset(),
        permissions,
        ANONYMOUS.session_id,
        "user",
        ANONYMOUS.expires_at,
    )


def step(name: str, /, *after: str, action: str = "echo", agent_id: str = "masterlinc", **more: Any) -> dict[str, Any]:
    given = {"message": 1} if action == "echo" else {}
    return {"step_id": name, "agent_id": agent_id, "action": action, "depends_on": [*after], "input_data": given} | more


def find(name: str, /, *after: str, **given: Any) -> dict[str, Any]:
    return step(name, *after, action="find", agent_id="toylinc", input_data=given)


def form(*steps: dict[str, Any], mode: str = "mixed", **more: Any) -> Graph:
    body = {"workflow_name": "w", "steps": [*steps], "execution_mode": mode} | more
    return decode(json.dumps(body).encode(), Graph)


def compiled(*steps: dict[str, Any], permissions: frozenset[str] = ALL, **more: Any):
    return compile_graph(form(*steps, **more), REGISTRY, principal(permissions))


def faults(*steps: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(DomainError) as caught:
        compiled(*steps, **more)
    assert all(error.detail and error.detail_ar for error in caught.value.errors)
    return [(error.path, error.code) for error in caught.value.errors]


def test_a_graph_becomes_a_plan():
    undo = {"action": "toylinc.erase", "agent_id": "toylinc", "input_data": {"name": "${b.patient_id}"}}
    plan = compiled(
        step("a", timeout=2.5, max_attempts=7),
        find("b", "a", name="${a.message}") | {"compensation": undo},
        step("c", "b", "a", action="signal", input_data={"name": "go"}, timeout=60),
        timeout=900,
    )
    assert (plan.name, plan.agent, plan.on_failure, plan.timeout_seconds) == (
        "masterlinc.graph",
        "masterlinc",
        "undo",
        900,
    )
    a, b, c = plan.steps
    assert (a.task, a.outside, a.max_attempts, a.timeout_seconds) == ("masterlinc.echo", False, 7, 2.5)
    assert (b.task, b.task_version, b.agent, b.depends_on) == ("toylinc.find", 3, "toylinc", (1,))
    assert (b.input, b.undo, b.undo_input) == ({"name": "${a.message}"}, "toylinc.erase", {"name": "${b.patient_id}"})
    assert (c.kind, c.task, c.depends_on, c.timeout_seconds) == ("signal", "go", (1, 2), 60)


def test_modes_say_what_waits_for_what():
    steps = [step("a"), step("b"), step("c")]
    waits = {
        mode: [one.depends_on for one in compiled(*steps, mode=mode).steps]
        for mode in ("sequential", "parallel", "mixed")
    }
    assert waits == {"sequential": [(), (1,), (2,)], "parallel": [(), (), ()], "mixed": [(), (), ()]}
    assert [one.depends_on for one in compiled(step("a"), step("b"), step("c", "a"), mode="sequential").steps] == [
        (),
        (1,),
        (1, 2),
    ]


def test_what_fails_ends_the_workflow_unless_it_is_said_or_can_be_undone():
    assert compiled(step("a")).on_failure == "fail"
    assert compiled(step("a"), on_failure="park").on_failure == "park"
    undone = step("a", compensation={"action": "echo", "input_data": {"message": 1}})
    assert compiled(undone).on_failure == "undo"
    assert compiled(undone, on_failure="fail").on_failure == "fail"


def test_a_workflow_has_a_step_and_not_too_many():
    assert faults() == [("steps", "empty")]
    assert faults(*[step(f"s{number}") for number in range(201)]) == [("steps", "length")]
    assert len(compiled(*[step(f"s{number}") for number in range(200)], mode="sequential").steps) == 200


def test_all_faults_come_in_one_answer():
    assert faults(
        step("a", "a"),
        step("a", "nobody"),
        step("c", agent_id="offlinc"),
        step("d", action="nothing"),
        step("e", action="inner", agent_id="toylinc"),
        step("context"),
        find("f"),
        find("g", name=7),
        find("h", name="${nobody.x}"),
        step("i", compensation={"action": "signal", "input_data": {"name": "x"}}),
        step("j", action="signal", input_data={}),
    ) == [
        ("steps[2].agent_id", "agent-disabled"),
        ("steps[3].action", "unknown-action"),
        ("steps[4].action", "unknown-action"),
        ("steps[5].step_id", "reserved"),
        ("steps[9].compensation.action", "unknown-action"),
        ("steps[1].step_id", "duplicate"),
        ("steps[0].depends_on[0]", "self"),
        ("steps[1].depends_on[0]", "unknown-step"),
        ("steps[6].input_data.name", "missing"),
        ("steps[7].input_data.name", "type"),
        ("steps[8].input_data.name", "unknown-step"),
        ("steps[10].input_data.name", "missing"),
    ]


def test_an_unknown_agent_is_400_as_in_the_first_system_and_the_others_422():
    with pytest.raises(UnknownAgent) as caught:
        compiled(step("a", agent_id="nobody"), step("b", "x"))
    assert caught.value.status == 400
    assert [error.path for error in caught.value.errors] == ["steps[0].agent_id", "steps[1].depends_on[0]"]
    assert "masterlinc, toylinc" in caught.value.errors[0].detail
    with pytest.raises(GraphRefused) as refused:
        compiled(step("b", "x"))
    assert refused.value.status == 422


def test_a_missing_permission_is_403_and_says_which():
    steps = [
        find("a", name="x"),
        find("b", name="x") | {"compensation": {"action": "erase", "input_data": {"name": "x"}}},
    ]
    with pytest.raises(TaskForbidden) as caught:
        compiled(*steps, permissions=frozenset({"toy:read"}))
    assert caught.value.status == 403
    assert [(one.path, "toy:erase" in one.detail) for one in caught.value.errors] == [
        ("steps[1].compensation.action", True)
    ]
    assert faults(step("x", "y"), *steps, permissions=frozenset({"task:execute", "toy:read"}))[-1][1] == "forbidden"


@pytest.mark.parametrize(
    ("mode", "steps", "fault"),
    [
        ("parallel", [step("a"), step("b", "a")], ("steps[1].depends_on", "parallel")),
        ("parallel", [step("a"), find("b", name="${a.message}")], ("steps[1].input_data.name", "not-upstream")),
        ("mixed", [step("a"), find("b", name="${a.message}")], ("steps[1].input_data.name", "not-upstream")),
        ("sequential", [find("a", name="${b.message}"), step("b")], ("steps[0].input_data.name", "not-upstream")),
        ("mixed", [find("a", name="${a.patient_id}")], ("steps[0].input_data.name", "not-upstream")),
        ("mixed", [step("a"), find("b", "a", name="${a.nothing}")], ("steps[1].input_data.name", "unknown-field")),
        ("mixed", [find("a", name="${context.nobody}")], ("steps[0].input_data.name", "unknown-context")),
        ("mixed", [find("a", name="${context.year}")], ("steps[0].input_data.name", "type")),
        ("mixed", [find("a", name="${a")], ("steps[0].input_data", "reference")),
        ("mixed", [step("a"), find("b", "a", year="${a.message}")], ("steps[1].input_data.name", "missing")),
        ("mixed", [step("a", input_data=[1])], ("steps[0].input_data", "type")),
        ("mixed", [step("a", input_data="x")], ("steps[0].input_data", "type")),
    ],
)
def test_inputs_are_checked_as_far_as_they_are_known(mode, steps, fault):
    assert faults(*steps, mode=mode, context={"year": 1447}) == [fault]


def test_inputs_of_a_type_that_knows_its_fields_are_checked_with_references_too():
    wrong = step("b", "a", action="strict", agent_id="toylinc", input_data={"amount": "${a.message}", "more": 1})
    assert faults(step("a"), wrong) == [("steps[1].input_data.more", "unknown")]


def test_the_context_is_an_object():
    assert faults(step("a"), context=[1]) == [("context", "type")]
    assert compiled(step("a"), context=None).steps[0].name == "a"


def test_numbers_stay_as_they_were_written():
    body = (
        b'{"workflow_name":"w","steps":[{"step_id":"a","agent_id":"masterlinc","action":"echo",'
        b'"input_data":{"message":1.10}}]}'
    )
    plan = compile_graph(decode(body, Graph), REGISTRY, principal())
    assert str(plan.steps[0].input["message"]) == "1.10"


def test_what_is_escaped_is_no_reference():
    assert compiled(find("a", name="$${b.c}")).steps[0].input == {"name": "$${b.c}"}


def test_a_compensation_may_use_what_its_own_step_answered():
    undo = {"action": "find", "input_data": {"name": "${a.patient_id}"}}
    assert compiled(find("a", name="x") | {"compensation": undo}).steps[0].undo == "toylinc.find"
    later = {"action": "find", "input_data": {"name": "${b.message}"}}
    assert faults(find("a", name="x") | {"compensation": later}, step("b")) == [
        ("steps[0].compensation.input_data.name", "not-upstream")
    ]


def test_the_steps_of_a_circle_are_named():
    with pytest.raises(GraphRefused) as caught:
        compiled(step("x"), step("a", "c"), step("b", "a"), step("c", "b", "x"))
    (fault,) = caught.value.errors
    assert fault.code == "cycle"
    assert sorted(fault.detail.removeprefix("These steps wait for each other: ").split(" → ")[1:]) == ["a", "b", "c"]
    assert [code for _, code in faults(step("a", "b"), step("b"), mode="sequential")] == ["cycle"]


EDGES = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.sets(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size)
)


@given(EDGES)
def test_a_graph_is_taken_when_and_only_when_it_has_no_circle(edges):
    """Kahn's way says it too: what can be taken away step by step has no circle."""
    left = {number: set(needs) for number, needs in enumerate(edges)}
    while ready := [number for number, needs in left.items() if not needs & left.keys()]:
        for number in ready:
            del left[number]
    steps = [step(f"s{number}", *(f"s{one}" for one in sorted(needs))) for number, needs in enumerate(edges)]
    try:
        plan = compiled(*steps)
    except GraphRefused:
        assert left
        return
    assert not left
    assert [{one - 1 for one in done.depends_on} for done in plan.steps] == edges


@given(EDGES)
def test_a_step_may_use_what_it_waits_for_directly_or_not_and_nothing_else(edges):
    edges = [{one for one in needs if one < number} for number, needs in enumerate(edges)]
    before: list[set[int]] = []
    for needs in edges:
        before.append(needs.union(*(before[one] for one in needs)))
    names = [f"s{number}" for number in range(len(edges))]
    for number, allowed in enumerate(before):
        steps = [step(name, *(names[one] for one in needs)) for name, needs in zip(names, edges, strict=True)]
        steps[number]["input_data"] = {"message": [f"${{{name}.message}}" for name in names]}
        wrong = {f"steps[{number}].input_data.message[{one}]" for one in range(len(names)) if one not in allowed}
        assert {path for path, _ in (faults(*steps) if wrong else [])} == wrong


def test_a_long_chain_needs_no_deep_stack():
    steps = [step(f"s{number}", *([f"s{number + 1}"] if number < 199 else [])) for number in range(200)]
    assert compiled(*steps).steps[0].depends_on == (2,)
    assert graphs.NAME == "masterlinc.graph"
