"""Workflows as a user sends them, with the step that dies, and every moment at which one can."""

from collections.abc import Iterator
from typing import Any

AGENT = "chaoslinc"
ENDS = {"plain": "done", "undo": "failed", "nested": "done", "timed": "done", "poison": "parked"}
TIMER = 1.0  # seconds
LATE = (0.0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7)  # milliseconds after a task's end: its checkpoint is being written
LOCAL = ("before", "inside", "committed", *(f"late {after:g}" for after in LATE))
HEARD = ("hearing", "heard")
AWAY = ("unstored", "storing", "stored", "sent", "marking", "marked", *(f"late {after:g}" for after in LATE))
BACK = ("uncalled", "called", *(f"late {after:g}" for after in LATE))


def moments() -> Iterator[tuple[str, str]]:
    """Return each kind of workflow with each moment of each step, as `step kill moment`."""
    for kind, step, ways in (
        ("plain", "first", LOCAL + HEARD),
        ("plain", "send", AWAY),
        ("plain", "last", LOCAL),
        ("undo", "first", ("undoing", "undone")),
        ("undo", "send", BACK),
        ("nested", "ask", LOCAL + HEARD),
        ("nested", "answered", LOCAL + HEARD),
        ("nested", "inner_send", AWAY),
        ("nested", "inner_close", LOCAL),
        ("nested", "close", LOCAL),
    ):
        for way in ways:
            yield kind, f"{step} kill {way}"


def graph(key: str, kind: str, order: str) -> dict[str, Any]:
    """Return a workflow; its order is for one of its steps."""
    step, _, what = order.partition(" ")

    def work(name: str) -> dict[str, str]:
        return {"token": f"{key}-{name}", "order": what if name == step else ""}

    steps = {"plain": _plain, "undo": _undo, "nested": _nested, "timed": _timed, "poison": _poison}[kind](work)
    if kind == "nested":
        steps[0]["input_data"] = {"token": key, "order": order}
    form = {"workflow_name": "chaos", "key": key, "execution_mode": "mixed", "wait_seconds": 0, "steps": steps}
    return form | ({"on_failure": "park"} if kind == "poison" else {})


def _step(name: str, action: str, given: Any, *after: str, **more: Any) -> dict[str, Any]:
    own = {"step_id": name, "agent_id": AGENT, "action": action, "input_data": given, "depends_on": list(after)}
    return own | {"max_attempts": 20} | more


def _plain(work: Any) -> list[dict[str, Any]]:
    kernel = {"agent_id": "masterlinc"}
    return [
        _step("first", "record", work("first")),
        _step("pass", "echo", {"message": "${first.key}"}, "first", **kernel),
        _step("send", "send", work("send"), "pass"),
        _step("other", "send", work("other"), "pass"),
        _step("rest", "wait", {"seconds": 0.05}, "pass", **kernel),
        _step("last", "record", work("last"), "send", "other", "rest"),
    ]


def _timed(work: Any) -> list[dict[str, Any]]:
    return [
        _step("rest", "wait", {"seconds": TIMER}, agent_id="masterlinc"),
        _step("last", "record", work("last"), "rest"),
    ]


def _undo(work: Any) -> list[dict[str, Any]]:
    return [
        _step("first", "record", {"token": "x"}, compensation={"action": "take_back", "input_data": work("first")}),
        _step(
            "send", "send", {"token": "x"}, "first", compensation={"action": "call_back", "input_data": work("send")}
        ),
        _step("refuse", "refuse", work("refuse"), "send"),
    ]


def _nested(work: Any) -> list[dict[str, Any]]:
    return [_step("begin", "begin", work("begin"))]


def _poison(work: Any) -> list[dict[str, Any]]:
    return [_step("deadly", "send", work("deadly"), max_attempts=2)]
