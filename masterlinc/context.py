"""What a handler, a task, a subscriber or a step is handed; never the app object."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import httpx
from msgspec import Struct

from masterlinc.agent import DEFAULT_PURPOSE, StepRun, Task
from masterlinc.clock import Clock
from masterlinc.db.actor import Actor
from masterlinc.db.engine import CURRENT
from masterlinc.db.transaction import Database, Transaction
from masterlinc.drain import Drain
from masterlinc.errors import NotBuilt
from masterlinc.ids import new_id
from masterlinc.limits import Limits
from masterlinc.plans import control, starting
from masterlinc.registry import Registry
from masterlinc.sealing import Vault
from masterlinc.sealing.following import Following
from masterlinc.secrets.keeper import Keeper
from masterlinc.security.principal import NOBODY, Principal, service_principal
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import TokenVerifier
from masterlinc.settings import Settings
from masterlinc.suspects import Suspects

if TYPE_CHECKING:
    from masterlinc.audit.refusals import Refusals
    from masterlinc.workflow.finished import Finished
    from masterlinc.workflow.journal import Journal

A = TypeVar("A", bound=Struct)
R = TypeVar("R")


@dataclass
class Services:
    """The kernel's parts, shared by every Context of a process."""

    settings: Settings
    registry: Registry
    secrets: Keeper
    db: Database
    clock: Clock
    vault: Vault
    http: httpx.AsyncClient
    verifier: TokenVerifier
    revocations: Revocations
    limits: Limits
    keys: Following = field(init=False)
    refusals: "Refusals"
    journal: "Journal" = field(init=False)
    finished: "Finished" = field(init=False)
    served: frozenset[str] = frozenset()  # the agents whose routes, steps and subscribers are this process's
    process_id: UUID = field(default_factory=new_id)
    after_commit: Callable[[], None] = lambda: None
    kept: dict[str, Any] = field(default_factory=dict)  # what an agent keeps in memory, under its name
    suspects: Suspects = field(default_factory=Suspects)
    drain: Drain = field(default_factory=lambda: Drain(25.0))  # whether this process is on its way out


class Context:
    """One agent's view of the kernel, on behalf of one principal.

    No dataclass: Litestar would have msgspec take one apart at every request.
    """

    __slots__ = ("address", "agent", "language", "principal", "purpose", "services", "step", "trace_id")

    def __init__(  # noqa: PLR0913 - a request has this many facts
        self,
        agent: str,
        services: Services,
        principal: Principal,
        *,
        trace_id: str = "",
        language: str = "en",
        address: str = "",
        purpose: str = "",
        step: StepRun | None = None,
    ) -> None:
        self.agent = agent
        self.services = services
        self.principal = principal
        self.trace_id = trace_id
        self.language = language
        self.address = address  # where the request came from; empty for work of our own
        self.purpose = purpose or services.registry.purposes.get(agent, "")  # why, as it was where the work came in
        self.step = step  # the workflow's step that this runs for

    @property
    def config(self) -> Any:
        """Return the agent's configuration Struct."""
        return self.services.registry.configs.get(self.agent)

    @property
    def settings(self) -> Settings:
        """Return the settings of the process."""
        return self.services.settings

    @property
    def db(self) -> Database:
        """Return the database."""
        return self.services.db

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        return self.services.clock

    @property
    def vault(self) -> Vault:
        """Return what seals and opens encrypted columns."""
        return self.services.vault

    @property
    def http(self) -> httpx.AsyncClient:
        """Return the HTTP client; each call has a deadline."""
        return self.services.http

    @property
    def actor(self) -> Actor:
        """Return who acts, as audit rows name them."""
        who = self.principal
        home = None if who.home == NOBODY else who.home
        purpose = who.purpose or self.purpose or DEFAULT_PURPOSE
        return Actor(who.user_id, who.kind, who.session_id, self.trace_id, self.address, home, purpose)

    def enabled(self, agent: str) -> bool:
        """Say whether the system runs an agent."""
        return agent in self.services.registry.names()

    def transaction(
        self, organizations: frozenset[UUID] | None = None, *, read_only: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction in the principal's scope, or in another one; inside of one, a savepoint."""
        scope = self.principal.organizations if organizations is None else organizations
        return self.db.transaction(scope, actor=self.actor, read_only=read_only)

    async def run(self, work: Callable[[Transaction], Awaitable[R]], organizations: frozenset[UUID] | None = None) -> R:
        """Do work in a transaction, again after a deadlock or serialization failure."""
        scope = self.principal.organizations if organizations is None else organizations
        return await self.db.run(work, scope, actor=self.actor)

    async def call(self, request: Struct, answer: type[A]) -> A:
        """Run a task of any enabled agent, in process; raises NotBuilt where its agent is disabled."""
        name = self.services.registry.by_request.get(type(request))
        if name is None:
            raise NotBuilt(
                f"no enabled agent takes {type(request).__name__}",
                f"لا يوجد وكيل مفعل ينفذ {type(request).__name__}",
            )
        agent, task = self.services.registry.tasks[name]
        result = await self.for_agent(agent).run_task(task, request)
        if not isinstance(result, answer):
            raise TypeError(f"task {name} answered {type(result).__name__}, not {answer.__name__}")
        return result

    async def run_task(self, task: Task, request: Struct) -> Any:
        """Run a task as its agent: in the caller's transaction if it joins, else in one that it opens itself."""
        if CURRENT.get() is not None and not task.joins_transaction:
            raise RuntimeError(f"task {task.label} does not join a transaction, and one is open")
        return await task.run(self, request)

    def for_agent(self, agent: str) -> "Context":
        """Return the same context as another agent sees it."""
        return self if agent == self.agent else self._with(agent, self.principal)

    def acting_for(self, *organizations: UUID) -> "Context":
        """Return a context that acts as the agent itself, in the scope of these organizations only."""
        return self._with(self.agent, service_principal(self.agent, frozenset(organizations)))

    def _with(self, agent: str, principal: Principal) -> "Context":
        return Context(
            agent,
            self.services,
            principal,
            trace_id=self.trace_id,
            language=self.language,
            address=self.address,
            purpose=self.purpose,
            step=self.step,
        )

    async def start_workflow(self, transaction: Transaction, name: str, key: str, organization_id: UUID) -> bool:
        """Start a workflow of this agent with the commit; False when its business key was started before."""
        plan = self.services.registry.plans.get(f"{self.agent}.{name}")
        if plan is None:
            raise LookupError(f"agent {self.agent} defines no workflow {name}")
        made = await starting.start(self.services, transaction, plan, starting.Start(key, organization_id))
        return made is not None

    async def signal_workflow(self, transaction: Transaction, name: str, key: str) -> None:
        """Wake a waiting workflow of any agent with the commit; `name` is its full name."""
        await control.wake(self.services, transaction, name, key)
