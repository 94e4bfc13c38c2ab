"""The declaration of the agent."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from chaoslinc import clocks, tasks
from chaoslinc.contract import Happened, Work, Worked
from masterlinc.agent import Agent, Step, StepDone, StepInput, Subscription, Task, Workflow

clocks.install()


def _task(run: Callable[[Any, Any], Awaitable[Any]], *, local: bool) -> Task:
    words = (run.__doc__ or "").strip(), "تجربة"
    kind = {"name": run.__name__, "permission": "task:execute", "joins_transaction": local}
    return Task(Work, Worked, run, *words, **kind)


def _step(run: Callable[[Any, Any], Awaitable[Any]], *, local: bool) -> Task:
    return Task(StepInput, StepDone, run, "A step", "خطوة", name=run.__name__, joins_transaction=local)


agent = Agent(
    name="chaoslinc",
    title="ChaosLinc",
    title_ar="فوضى لينك",
    version="1.0",
    kernel=">=0.1,<1",
    publishes=(Happened,),
    subscribes=(Subscription("hear", Happened, tasks.hear), Subscription("stumble", Happened, tasks.stumble, 3)),
    tasks=(
        _task(tasks.record, local=True),
        _task(tasks.send, local=False),
        _task(tasks.take_back, local=True),
        _task(tasks.call_back, local=False),
        _task(tasks.refuse, local=False),
        _task(tasks.begin, local=True),
        _step(tasks.ask, local=True),
        _step(tasks.answered, local=True),
        _step(tasks.close, local=True),
        _step(tasks.send_by_key, local=False),
    ),
    workflows=(
        Workflow(
            "nested",
            1,
            (
                Step("ask", "chaoslinc.ask"),
                Step("answered", "chaoslinc.answered"),
                Step("child", workflow="chaoslinc.inner"),
                Step("pause", delay=timedelta(milliseconds=50)),
                Step("close", "chaoslinc.close"),
            ),
        ),
        Workflow("inner", 1, (Step("send", "chaoslinc.send_by_key"), Step("close", "chaoslinc.close"))),
    ),
)
