"""The contract of a plugin: one frozen object, found by entry point."""

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from msgspec import Struct

if TYPE_CHECKING:
    from masterlinc.context import Context
    from masterlinc.security.principal import Principal

# Why health data is used, as audit rows say it. An agent declares its own; a route may, by opt={"purpose": ...}.
Purpose = Literal["treatment", "payment", "operations", "research"]
DEFAULT_PURPOSE: Purpose = "operations"


class Permission(Struct, frozen=True):
    """A right that a role may hold, as `claim:submit`."""

    name: str
    title: str
    title_ar: str


class StepInput(Struct, frozen=True):
    """What a step of a workflow is given: ids, never health data."""

    key: str  # the workflow's business key
    organization_id: UUID


class StepDone(Struct, frozen=True):
    """What a step answers."""

    note: str = ""


@dataclass(frozen=True)
class StepRun:
    """The step that a task runs for; `key` is the same at every attempt, as an idempotency key outside wants it."""

    workflow_id: UUID
    name: str
    attempt: int
    started_at: datetime  # of the first attempt, in the database's time
    now: datetime  # in the database's time

    @property
    def key(self) -> str:
        """Return the step's own idempotency key."""
        return f"{self.workflow_id}/{self.name}"


class Wait(Exception):
    """The step's answer comes from outside: run it again when signalled, at `until`, or `after` a while."""

    def __init__(self, until: datetime | None = None, *, after: timedelta | None = None) -> None:
        self.until, self.after = until, after
        super().__init__("waiting")


class Retry(Exception):
    """A passing fault outside, as a hub that is away: run the step again after a while, however often it takes."""

    def __init__(self, reason: str, after: timedelta = timedelta(seconds=2)) -> None:
        self.after = after
        super().__init__(reason)


class Park(Exception):
    """A fault that no retry mends: park the workflow and show it."""


class Fail(Exception):
    """A fault that is an answer: never tried again, and the workflow ends as its `on_failure` says."""


@dataclass(frozen=True)
class Task:
    """A named command with typed input and output: `/execute`, workflow steps and other agents call it."""

    request: type[Struct]
    answer: type[Struct]
    run: Callable[["Context", Any], Awaitable[Any]]
    summary: str
    summary_ar: str
    permission: str = ""  # what a caller of /execute needs; empty: not offered there
    joins_transaction: bool = False
    name: str = ""  # taken from the request type where it is empty
    version: int = 1  # stored workflows go on with the version that they began with
    tool: bool = False  # safe to be offered to AI clients: it changes nothing that matters

    @property
    def label(self) -> str:
        """Return the task's name inside of its agent."""
        return self.name or snake_case(self.request.__name__)


@dataclass(frozen=True)
class Subscription:
    """A named handler of an event; it runs in a transaction of its own, with its delivery record."""

    name: str
    event: type[Struct]
    run: Callable[["Context", Any], Awaitable[None]]
    max_attempts: int = 8


OnFailure = Literal["park", "fail", "undo"]


@dataclass(frozen=True)
class Step:
    """A step of a workflow: a task by its full name, or one of `signal`, `delay` and `workflow`."""

    name: str
    task: str = ""
    after: tuple[str, ...] | None = None  # names of steps; None: the step before it; (): at once
    outside: bool | None = None  # with no transaction open; None: unless the task joins one
    max_attempts: int = 8
    timeout: timedelta | None = None  # of one attempt; of the whole wait for a signal or another workflow
    undo: str = ""  # the task that takes the step's effect back
    signal: str = ""  # waits for this signal; its payload is the step's output
    delay: timedelta | None = None  # waits this long
    workflow: str = ""  # runs another workflow by its full name, and waits for its end


@dataclass(frozen=True)
class Workflow:
    """Steps in order or as a graph; storing the plan of an instance pins its version.

    When a step fails for good: `park` stops and shows it, `fail` lets other branches end, `undo` also takes back what
    was done, in reverse order.
    """

    name: str
    version: int
    steps: tuple[Step, ...]
    timeout: timedelta | None = None
    on_failure: OnFailure = "park"


@dataclass(frozen=True)
class Schedule:
    """Starts a workflow of the agent at the times of a cron expression in Asia/Riyadh, once for all processes."""

    name: str
    cron: str
    workflow: str


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed values, so that they can be sealed anew with another key."""

    table: str  # of the agent's schema
    column: str
    label: str  # that its values are sealed under; names in braces are columns of the row: `patient.phone/{id}`
    organization: UUID | None = None  # whose key seals it; None: that of the row's `organization_id`


@dataclass(frozen=True)
class Credential:
    """A kind of bearer credential that begins with its prefix.

    `verify` is called at every request that carries one: it looks in memory, and raises Unauthenticated.
    """

    prefix: str
    verify: Callable[["Context", str], "Principal"]


@dataclass(frozen=True)
class DemoPerson:
    """A made-up person of the demo data; the same seed makes the same people."""

    number: int
    name: str
    name_ar: str
    gender: str
    birth_date: date
    identifier: str  # a national id or iqama with a right check digit
    phone: str
    email: str
    record_number: str  # at the hospital
    member_number: str  # at the payer
    payer: int  # which of the plan's payers insures them
    policy_class: str  # VIP, A, B, C

    @property
    def policy_number(self) -> str:
        """Return the group policy that insures the person: one for each class of a payer."""
        return f"P10{self.payer + 1}-{self.policy_class}"


@dataclass(frozen=True)
class DemoPlan:
    """What the demo data shall hold; every agent adds its part with its own services."""

    seed: int
    password: str
    people: tuple[DemoPerson, ...]
    claims: int
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Agent:
    """A plugin: what it is, needs, offers and does."""

    name: str
    title: str
    title_ar: str
    version: str
    kernel: str  # the PEP 440 range of kernels that it works with
    requires: tuple[str, ...] = ()  # agents whose contract it imports
    optional: tuple[str, ...] = ()  # agents whose contract it imports, and lives without
    capabilities: tuple[str, ...] = ()
    description: str = ""
    description_ar: str = ""
    category: str = ""
    purpose: Purpose | None = None  # of what it does, in audit rows; None: that of the agent whose task it runs
    priority: int = 5  # of agents that fit a piece of work alike, the lower number takes it
    config: type[Struct] | None = None
    routers: Sequence[Any] = ()
    root_routers: Sequence[Any] = ()
    tables: Sequence[Any] = ()
    sealed: tuple[SealedColumn, ...] = ()
    migrations: str | None = None  # a folder, for agents that are not in this distribution
    publishes: tuple[type[Struct], ...] = ()
    subscribes: tuple[Subscription, ...] = ()
    tasks: tuple[Task, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    permissions: tuple[Permission, ...] = ()
    credentials: tuple[Credential, ...] = ()  # kinds of bearer credentials beside our own tokens
    health: Callable[["Context"], Awaitable[None]] | None = None  # raises when it is not well
    lifespan: Callable[["Context"], AbstractAsyncContextManager[None]] | None = None
    demo: Callable[["Context", DemoPlan], Awaitable[None]] | None = None  # adds its part of the demo data
    cli: Sequence[Any] = ()  # functions add(subparsers) that add commands


def snake_case(name: str) -> str:
    """Turn a class name into a task name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
