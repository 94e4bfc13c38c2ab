"""A workflow as a user sends it: the fields of the first system, with those that it lacked marked by a default."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct, field

from masterlinc.agent import OnFailure

MAX_STEPS = 200
MAX_SECONDS = 31_536_000  # a year
DEFAULT_ATTEMPTS = 3
LONGEST_WAIT = 30.0

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w-]+$", description="letters, digits, _ and -")]
AgentId = Annotated[str, Meta(min_length=1, max_length=64)]
Action = Annotated[str, Meta(min_length=1, max_length=128)]
Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
Priority = Annotated[int, Meta(ge=1, le=10, description="1 goes first")]
EMPTY = Raw(b"{}")
NULL = Raw(b"null")


def empty() -> Raw:
    """Return an empty object; as a default it is made, since Litestar's schema takes hashable ones only."""
    return EMPTY


def null() -> Raw:
    """Return what stands for nothing."""
    return NULL


class Compensation(Struct, forbid_unknown_fields=True, kw_only=True):
    """What takes a step back: a task, of the step's own agent unless another is named."""

    action: Action
    agent_id: AgentId = ""
    input_data: Raw = field(default_factory=empty)


class GraphStep(Struct, forbid_unknown_fields=True, kw_only=True):
    """A step: `action` is a task of `agent_id`; its input may take values of earlier steps by `${step_id.field}`."""

    step_id: Name
    agent_id: AgentId
    action: Action
    input_data: Raw = field(default_factory=empty)
    depends_on: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=MAX_STEPS)] = []
    timeout: Seconds | None = None
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = DEFAULT_ATTEMPTS
    compensation: Compensation | None = None


class Graph(Struct, forbid_unknown_fields=True, kw_only=True):
    """Steps one after the other (`sequential`), all at once (`parallel`), or as `depends_on` says (`mixed`)."""

    workflow_name: Annotated[str, Meta(min_length=1, max_length=200)]
    workflow_description: Annotated[str, Meta(max_length=2000)] = ""
    steps: list[GraphStep]
    execution_mode: Literal["sequential", "parallel", "mixed"] = "sequential"
    context: Raw = field(default_factory=empty)
    priority: Priority = 5
    on_failure: OnFailure | None = None  # `undo` where a step has a compensation, else `fail`
    timeout: Seconds | None = None
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    wait_seconds: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 10.0  # that the answer waits for the end
