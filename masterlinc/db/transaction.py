"""The pool and the one way to open a transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import count
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from masterlinc.db.actor import Actor, Source
from masterlinc.db.background import PLACES
from masterlinc.db.connecting import Renew, connect, never
from masterlinc.db.engine import CURRENT
from masterlinc.errors import Unavailable
from masterlinc.ids import new_id
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.wire import dump

T = TypeVar("T")
Isolation = Literal["read committed", "repeatable read", "serializable"]
NO_ORGANIZATIONS: frozenset[UUID] = frozenset()
_ATTEMPTS = 3
_IDLE_MILLISECONDS = "7000"  # a process that hangs lets its row locks go in time for others to take over (ADR 0011)
_UNUSED_SECONDS = 60.0  # then a connection is given back to the server, which others share
_SAVEPOINTS = count(1)  # no two of a process have one name
_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class _PublishedEvent(Struct, frozen=True):
    id: UUID
    organization_id: UUID
    name: str
    aggregate: UUID
    payload: Struct


class _AuditRow(Source, frozen=True):
    id: UUID
    organization_id: UUID | None
    at: datetime | None
    action: str
    resource: str
    resource_id: str
    patient: UUID | None
    outcome: str
    detail: dict[str, str]


class Transaction:
    """An open transaction on one connection, with what it will publish and audit at its end."""

    __slots__ = ("_actor", "_audits", "_events", "_hooks", "connection", "organizations")

    def __init__(self, connection: Any, organizations: frozenset[UUID], actor: Actor) -> None:
        self.connection = connection
        self.organizations = organizations
        self._actor = actor
        self._events: list[_PublishedEvent] = []
        self._audits: list[_AuditRow] = []
        self._hooks: list[Callable[[], None]] = []

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        """Run a query, return its rows."""
        return list(await self.connection.fetch(query, *arguments))

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        """Run a query, return its first row or None."""
        return await self.connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """Run a query, return the first value of its first row or None."""
        return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        """Run a statement, return its command tag."""
        return str(await self.connection.execute(query, *arguments))

    async def executemany(self, query: str, arguments: Iterable[Any]) -> None:
        """Run a statement for each row of arguments."""
        await self.connection.executemany(query, arguments)

    def publish(self, event: Struct, *, aggregate: UUID, organization_id: UUID) -> None:
        """Write an event into the outbox of this transaction; it is relayed after the commit."""
        name = str(type(event).__struct_config__.tag)
        self._events.append(_PublishedEvent(new_id(), organization_id, name, aggregate, event))

    def audit(  # noqa: PLR0913 - an audit row has this many facts
        self,
        action: str,
        resource: str,
        resource_id: str,
        *,
        organization_id: UUID | None,
        patient: UUID | None = None,
        outcome: str = "ok",
        detail: dict[str, str] | None = None,
        row: UUID | None = None,
    ) -> None:
        """Write an audit row in this transaction."""
        who = self._actor
        self._audits.append(
            _AuditRow(
                id=row or new_id(),
                organization_id=organization_id,
                at=None,
                action=action,
                resource=resource,
                resource_id=resource_id,
                patient=patient,
                outcome=outcome,
                detail=detail or {},
                address=who.address,
                purpose=who.purpose,
                actor_organization_id=who.organization_id,
            )
        )

    def on_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` once the outermost transaction has committed."""
        self._hooks.append(hook)

    @property
    def has_events(self) -> bool:
        """Say whether this transaction published anything."""
        return bool(self._events)

    def _closing(self) -> str:
        """Return what writes audit and events, for the COMMIT's round trip: asyncpg takes no arguments there."""
        who, statements = self._actor, []
        if self._audits:
            facts = ", ".join(_literal(fact) for fact in (who.id, who.kind, who.session_id, who.trace_id))
            statements.append(f"SELECT masterlinc.write_audit({facts}, {_literal(dump(self._audits))}::jsonb); ")
        if self._events:
            statements.append(f"SELECT masterlinc.publish({_literal(dump(self._events))}::jsonb); ")
        return "".join(statements)

    def _mark(self) -> tuple[int, int, int]:
        return len(self._events), len(self._audits), len(self._hooks)

    def _forget_after(self, mark: tuple[int, int, int]) -> None:
        del self._events[mark[0] :], self._audits[mark[1] :], self._hooks[mark[2] :]


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg carries no types
    """A connection that sends no reset query: nothing here outlives its transaction (SET LOCAL only)."""

    def get_reset_query(self) -> str:
        return ""


class Unsaved(Protocol):
    """What must be in the database no later than what was made with it, as the keys of sealed values."""

    def __bool__(self) -> bool: ...

    async def write(self, connection: Any) -> Callable[[], None]:
        """Write it; returns what to call once that is committed."""


class Database:
    """The pool of one process; `after_commit` is told of every commit that published events."""

    def __init__(self, settings: DatabaseSettings, *, url: Secret | None = None) -> None:
        self._settings = settings
        self._url = url or settings.url
        self._pool: Any = None
        self._expiry: asyncio.Task[None] | None = None
        self._unfollow: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None
        self.unsaved: Unsaved | None = None
        self.renew: Renew = never

    async def open(self) -> None:
        """Open the pool; raises Unavailable when PostgreSQL does not answer."""
        settings = self._settings
        try:
            self._pool = await asyncpg.create_pool(
                connect=self._connect,
                min_size=1,
                max_size=settings.pool_size,
                max_inactive_connection_lifetime=_UNUSED_SECONDS,
                connection_class=_Connection,
                server_settings={
                    "application_name": "masterlinc",
                    "statement_timeout": str(int(settings.statement_seconds * 1000)),
                    "idle_in_transaction_session_timeout": _IDLE_MILLISECONDS,
                    "jit": "off",
                    "standard_conforming_strings": "on",  # _literal counts on it
                    "timezone": "UTC",
                },
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise Unavailable(f"PostgreSQL does not answer: {fault}") from fault
        self._unfollow = self._url.on_change(self._expire)

    async def close(self) -> None:
        """Close the pool, cutting connections that do not end by themselves."""
        self._unfollow()
        self._unfollow = lambda: None
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _connect(self, *_: Any, **options: Any) -> Any:
        return await connect(self._url, self.renew, **options)

    def _expire(self) -> None:
        """Let connections to the former address end when they are given back."""
        if self._pool is not None:
            self._expiry = asyncio.get_running_loop().create_task(self._pool.expire_connections())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend a connection without a transaction: for one-statement hot paths that set their own scope."""
        places = PLACES.get()
        if places is None:
            async with self._lent() as connection:
                yield connection
            return
        async with places:
            held = PLACES.set(None)  # who holds one and needs another must not wait for somebody who does the same
            try:
                async with self._lent() as connection:
                    yield connection
            finally:
                PLACES.reset(held)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise Unavailable("the database is closed")
        try:
            connection = await self._pool.acquire(timeout=self._settings.acquire_seconds)
        except TimeoutError:
            raise Unavailable("every database connection is busy", headers={"Retry-After": "1"}) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as fault:
            raise Unavailable("the database does not answer", headers={"Retry-After": "2"}) from fault
        try:
            if self.unsaved:
                (await self.unsaved.write(connection))()
            yield connection
        except (OSError, asyncpg.InterfaceError) as fault:
            if not _is_lost(connection):
                raise
            raise Unavailable("the database went away", headers={"Retry-After": "2"}) from fault
        except asyncpg.InternalClientError as fault:  # the server ended in the middle of its own words
            _cut(connection)
            raise Unavailable("the database went away", headers={"Retry-After": "2"}) from fault
        except Exception:
            raise
        except BaseException:
            _cut(connection)  # a cancelled query leaves a connection in doubt: never lend it again
            raise
        finally:
            await self._pool.release(connection)

    async def call(self, query: str, organizations: Iterable[UUID], *arguments: Any) -> Any:
        """Run a statement that takes its scope as $1 and return its first row or None: one round trip, durable by then.

        Inside an open transaction the scope is null, since that has set its own.
        """
        transaction = CURRENT.get()
        if transaction is not None:
            return await transaction.fetchrow(query, None, *arguments)
        async with self.connection() as connection:
            return await connection.fetchrow(query, scope_literal(organizations), *arguments)

    async def alone(self, query: str, *arguments: Any) -> list[Any]:
        """Run a query on a connection of its own, in whatever event loop this is; both have `acquire_seconds`."""
        seconds = self._settings.acquire_seconds
        connection = await connect(self._url, never, timeout=seconds)
        try:
            return list(await connection.fetch(query, *arguments, timeout=seconds))
        finally:
            connection.terminate()

    @asynccontextmanager
    async def transaction(
        self,
        organizations: frozenset[UUID] = NO_ORGANIZATIONS,
        *,
        actor: Actor | None = None,
        isolation: Isolation | None = None,
        read_only: bool = False,
    ) -> AsyncIterator[Transaction]:
        """Open a transaction in the scope of some organizations; inside of another one, a savepoint."""
        outer = CURRENT.get()
        if outer is not None:
            async with _savepoint(outer, organizations):
                yield outer
            return
        async with self.connection() as connection:
            await connection.execute(_begin(organizations, isolation, read_only))
            transaction = Transaction(connection, organizations, actor or Actor())
            token = CURRENT.set(transaction)
            try:
                yield transaction
                written = await self.unsaved.write(connection) if self.unsaved and not read_only else None
                await _commit(connection, transaction._closing())  # noqa: SLF001 - the two are one module's business
            except Exception:
                await _roll_back(connection)
                raise
            finally:
                CURRENT.reset(token)
        if written is not None:
            written()
        if transaction.has_events:
            self.after_commit()
        for hook in transaction._hooks:  # noqa: SLF001
            hook()

    async def run(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        organizations: frozenset[UUID] = NO_ORGANIZATIONS,
        *,
        actor: Actor | None = None,
        isolation: Isolation | None = None,
    ) -> T:
        """Do work in a transaction, again after a deadlock or serialization failure, three times at most."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self.transaction(organizations, actor=actor, isolation=isolation) as transaction:
                    return await work(transaction)
            except _RETRIED:
                if attempt == _ATTEMPTS or CURRENT.get() is not None:
                    raise
        raise AssertionError("unreachable")


def scope_literal(organizations: Iterable[UUID]) -> str:
    """Write a set of organizations as the array literal that row-level security reads."""
    return "{" + ",".join(sorted(str(organization) for organization in organizations)) + "}"


def _literal(value: object) -> str:
    """Write a value as a literal: in standard-conforming strings a quote is all that can end one."""
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def _begin(organizations: frozenset[UUID], isolation: Isolation | None, read_only: bool) -> str:
    modes = (f" ISOLATION LEVEL {isolation.upper()}" if isolation else "") + (" READ ONLY" if read_only else "")
    # One round trip: UUIDs cannot carry SQL, so the literal is safe.
    return f"BEGIN{modes}; SELECT set_config('masterlinc.orgs', '{scope_literal(organizations)}', true)"


async def _commit(connection: Any, closing: str) -> None:
    """Commit, in one round trip with what is left to write.

    PostgreSQL answers ROLLBACK, and no error, where a failed statement had been swallowed before.
    """
    if await connection.execute(f"{closing}COMMIT") != "COMMIT":
        raise asyncpg.InFailedSQLTransactionError("a failed statement was swallowed: nothing was committed")


async def _roll_back(connection: Any) -> None:
    try:
        await connection.execute("ROLLBACK")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        _cut(connection)


def _is_lost(connection: Any) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has let go of it
        return True


def _cut(connection: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has let go of it
        connection.terminate()


@asynccontextmanager
async def _savepoint(outer: Transaction, organizations: frozenset[UUID]) -> AsyncIterator[None]:
    """A savepoint, in another scope where one is asked for; what it wrote is forgotten when it fails."""
    name, mark, before = f"s{next(_SAVEPOINTS)}", outer._mark(), outer.organizations  # noqa: SLF001
    changes = organizations != before
    await outer.connection.execute(f"SAVEPOINT {name}" + (_scope(organizations) if changes else ""))
    outer.organizations = organizations
    try:
        yield
    except Exception:
        outer._forget_after(mark)  # noqa: SLF001
        await outer.connection.execute(f"ROLLBACK TO SAVEPOINT {name}" + (_scope(before) if changes else ""))
        raise
    else:
        await outer.connection.execute(f"RELEASE SAVEPOINT {name}" + (_scope(before) if changes else ""))
    finally:
        outer.organizations = before


def _scope(organizations: frozenset[UUID]) -> str:
    return f"; SELECT set_config('masterlinc.orgs', '{scope_literal(organizations)}', true)"
