"""The rules of a run hold for any graph, any outcome and any interleaving: leases, crashes and cancels among them."""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from masterlinc.ids import new_id
from masterlinc.workflow import run as rules
from masterlinc.workflow.run import ENDED, OVER, Run, StepRow

SERVED = frozenset({"toy"})
OUTCOMES = ["done", "done", "done", "wait", "wait until", "again", "retry", "broken", "park", "crash", "cancel"]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOST = 400  # moves; each outcome but the last ones is drawn from a list that ends


def step(position: int, needs: frozenset[int], attempts: int, *, undo: bool, foreign: bool) -> StepRow:
    agent = "other" if foreign else "toy"
    return StepRow(
        position, f"s{position}", "task", f"{agent}.do", 1, agent, True, tuple(sorted(needs)), attempts, None,
        f"{agent}.undo" if undo else "", "pending", 0, 0, 0, None, None, None, None, None,
    )  # fmt: skip


@st.composite
def graphs(draw) -> list[StepRow]:
    count = draw(st.integers(1, 7))
    return [
        step(
            position,
            draw(st.frozensets(st.integers(1, position - 1), max_size=3)) if position > 1 else frozenset(),
            draw(st.integers(1, 3)),
            undo=draw(st.booleans()),
            foreign=draw(st.integers(0, 4)) == 0,
        )
        for position in range(1, count + 1)
    ]


@dataclass
class World:
    """The rows as they are stored, and what was seen to happen."""

    stored: list[StepRow]
    on_failure: str
    now: datetime = NOON
    stopping: str | None = None
    crashes: int = 0
    wakes: int = 0
    ended: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    def lease(self) -> Run:
        """Read the rows, as a process does that takes the workflow."""
        run = Run(
            id=new_id(), name="toy.work", version=1, key="k", organization_id=new_id(), agent="toy",
            status="undoing" if self.stopping else "running", stopping=self.stopping, on_failure=self.on_failure,
            actor=None, deadline=None, parent_id=None, starts=1, crashes=self.crashes, wakes=self.wakes,
            moment=self.now,
            careful=self.crashes > 0, steps=[copy.copy(one) for one in self.stored],
        )  # fmt: skip
        if run.stopping:  # as the engine does
            rules.stop(run, run.stopping)
        return run

    def write(self, run: Run) -> None:
        """Store what has changed, as a checkpoint does."""
        for position in run.changed:
            self.stored[position - 1] = copy.copy(run.step(position))
        run.changed.clear()
        self.stopping, self.crashes = run.stopping, run.crashes

    def pass_time(self, run: Run) -> None:
        self.now += HOUR
        run.moment += HOUR


def check(run: Run, served: frozenset[str]) -> None:
    """There is something to do, or it is said how the run is left: never both, never neither."""
    busy = bool(run.begun or rules.todo(run, served))
    assert (rules.rest(run, served) is None) == busy
    for one in rules.todo(run, served):
        assert one.position not in run.begun
        if run.stopping:
            assert one.status == "done"
            assert one.undo
            assert not run.begun
        else:
            assert one.status in {"pending", "running", "waiting"}
            assert all(run.step(need).status == "done" for need in one.depends_on)


def settle(world: World, run: Run, position: int, outcome: str) -> None:
    """A step that runs comes to an end."""
    one = run.step(position)
    undoing = one.status == "done"
    last = [step for step in run.steps if step.status == "done" and step.undo]
    if outcome == "done":
        rules.done(run, one)
        world.pass_time(run)
        if undoing:
            assert one.finished_at == max(step.finished_at for step in last)
            world.undone.append(position)
            assert one.status == "undone"
        else:
            world.ended.append(position)
    elif outcome in {"wait", "wait until"}:
        rules.pause(run, one, run.now() + HOUR if outcome == "wait until" else None)
    elif outcome == "retry":
        rules.again(run, one, "later", HOUR, counts=False)
    elif outcome == "again" and (one.undo_attempts if undoing else one.attempts) + 1 < one.max_attempts:
        rules.again(run, one, "failed", HOUR, counts=True)
    else:
        rules.broken(run, one, "broken", park=outcome == "park")


def begin(world: World, run: Run, one: StepRow) -> None:
    """Begin a step, counted before where the last process died."""
    if run.careful:
        counted = one.undo_attempts if one.status == "done" else one.attempts
        if counted >= one.max_attempts:
            rules.broken(run, one, "never finished", park=True)
            world.write(run)
            return
        rules.mark(run, one)
        world.write(run)
    rules.begin(run, one)


@settings(max_examples=400, deadline=None)
@given(steps=graphs(), on_failure=st.sampled_from(["park", "fail", "undo"]), data=st.data())
def test_any_run_ends_well(steps, on_failure, data):
    world = World(steps, on_failure)
    served = SERVED
    run = world.lease()
    outcomes = data.draw(st.lists(st.sampled_from(OUTCOMES), max_size=30))
    for _ in range(MOST):
        check(run, served)
        ready = rules.todo(run, served)
        left = rules.rest(run, served)
        if left is not None:
            if left.status in {*ENDED, "parked"}:
                break
            served = frozenset({left.agent}) if left.agent else served
            world.write(run)
            world.now = max(world.now, left.wake_at or world.now) + timedelta(seconds=1)
            world.wakes += 1  # whatever is waited for comes in the end
            run = world.lease()
            continue
        if ready and (not run.begun or data.draw(st.booleans())):
            begin(world, run, data.draw(st.sampled_from(ready)))
            continue
        position = data.draw(st.sampled_from(sorted(run.begun)))
        outcome = outcomes.pop() if outcomes else "done"
        if outcome == "crash":
            world.crashes += 1
            run = world.lease()
            continue
        if outcome == "cancel" and not run.stopping:
            rules.stop(run, "cancelled")
            continue
        settle(world, run, position, "again" if outcome == "cancel" else outcome)
        world.write(run)
    else:
        raise AssertionError("it does not end")
    verify(world, run, left.status)


def verify(world: World, run: Run, ending: str) -> None:
    assert len(set(world.ended)) == len(world.ended), "a step was done twice"
    assert len(set(world.undone)) == len(world.undone), "a step was taken back twice"
    states = [one.status for one in run.steps]
    assert not run.begun
    assert [position for position in reversed(world.ended) if position in world.undone] == world.undone
    if ending == "parked":
        assert "parked" in states
        return
    assert set(states) <= OVER
    assert (ending == "done") == (set(states) == {"done"} and not run.stopping)
    for one in run.steps:
        if one.status in {"done", "undone"}:
            assert one.finished_at is not None
            assert all(run.step(need).status in {"done", "undone"} for need in one.depends_on)
        if run.stopping:
            assert not (one.status == "done" and one.undo), "something was not taken back"
    if world.on_failure == "fail" and ending == "failed":
        assert "failed" in states
        for one in run.steps:  # what no failure stood before was done
            before = {run.step(need).status for need in one.depends_on}
            assert one.status != "skipped" or before & {"failed", "skipped"}
