"""Says three times in a lease that this process lives, and takes over what those left that no longer say so."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from masterlinc import __version__
from masterlinc.beside import beside
from masterlinc.context import Services
from masterlinc.db.connecting import connect
from masterlinc.errors import Unavailable
from masterlinc.observe.health import STATES, WELL
from masterlinc.observe.logs import logger
from masterlinc.settings import HttpSettings

_BEATS_A_LEASE = 3
_SOON = 1.0  # after a beat that failed
_LEAVE_SECONDS = 3.0
_ALL_OF_IPV4 = "0.0.0.0"  # nosec B104 # noqa: S104 - compared with, not listened on
_EVERYWHERE = frozenset({_ALL_OF_IPV4, "::", ""})
_BEAT = "SELECT masterlinc.beat($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
_FAULTS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Work(Protocol):
    """What a process is at: how many pieces of work, and which workflows."""

    @property
    def running(self) -> int:
        """Return how many pieces of work are under way."""

    @property
    def holding(self) -> list[UUID]:
        """Return the workflows that it runs: a lease on any other one is nobody's."""


@asynccontextmanager
async def beating(services: Services, work: Work, wake: Callable[[], None]) -> AsyncIterator[None]:
    """Beat now and while the block runs; at its end the process is gone at once, and its work free for others.

    `wake` tells every process that there is work: it is called when something was taken over, and at the end.
    """
    heart = _Heart(services, work, wake)
    await heart.first()
    services.drain.tell(heart.hurry)
    try:
        async with beside(heart.repeat(), "heartbeat"):
            yield
    finally:
        await heart.leave()


async def bury(url: str) -> int:
    """Free the work of every process that was here before: only for who holds the database alone."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT masterlinc.bury()"))
    finally:
        await connection.close()


class _Heart:
    """Its connection is its own: a pool that is merely busy is no death."""

    def __init__(self, services: Services, work: Work, wake: Callable[[], None]) -> None:
        settings = services.settings
        self._url, self._renew = settings.database.url, services.secrets.renew
        self._lease = settings.engine.lease_seconds
        self._process, self._drain, self._work, self._wake = services.process_id, services.drain, work, wake
        self._kept = services.kept
        self._served = [agent.name for agent in services.registry.agents if settings.serves(agent.name)]
        self._facts = (
            settings.process.name,
            socket.gethostname(),
            os.getpid(),
            address_of(settings.http),
            self._served,
            __version__,
        )
        self._began = time.monotonic()
        self._hurried = asyncio.Event()
        self._connection: Any = None
        self._missed = False

    async def first(self) -> None:
        """Beat before anything is taken; raises Unavailable."""
        try:
            await self._beat()
        except _FAULTS as fault:
            raise Unavailable(f"the process could not be registered: {fault}") from fault

    def hurry(self) -> None:
        """Beat now: what this process says of itself has changed."""
        self._hurried.set()

    async def repeat(self) -> None:
        """Beat until the process ends; a beat that fails is tried again soon."""
        pause = self._lease / _BEATS_A_LEASE
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, _SOON) if self._missed else pause):
                    await self._hurried.wait()
            self._hurried.clear()
            try:
                await self._beat()
            except _FAULTS as fault:
                self._tell_missed(fault)
            else:
                self._missed = False

    async def leave(self) -> None:
        """Let the row and the leases go; what cannot be told now, others find out after the lease."""
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await (await self._connected()).execute("SELECT masterlinc.leave($1)", self._process)
            self._wake()
        except _FAULTS as fault:
            logger.warning("heartbeat_not_ended", reason=type(fault).__name__)
        finally:
            self._cut()

    async def _beat(self) -> None:
        try:
            async with asyncio.timeout(self._lease / 2):
                connection = await self._connected()
                age = timedelta(seconds=time.monotonic() - self._began)
                lease = timedelta(seconds=self._lease)
                state = (age, lease, self._work.running, self._work.holding, self._drain.begun, self._unwell())
                taken = await connection.fetchval(_BEAT, self._process, *self._facts, *state)
        except BaseException:
            self._cut()
            raise
        if taken:
            logger.warning("work_taken_over", reason=f"{taken} pieces of work of processes that no longer beat")
            self._wake()

    def _unwell(self) -> list[str]:
        states = self._kept.get(STATES, {})
        return [name for name in self._served if states.get(name, WELL) != WELL]

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            names = {"application_name": "masterlinc heartbeat", "jit": "off"}
            self._connection = await connect(self._url, self._renew, timeout=self._lease / 2, server_settings=names)
        return self._connection

    def _cut(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _tell_missed(self, fault: BaseException) -> None:
        if not self._missed:  # once an outage
            logger.warning("heartbeat_missed", reason=type(fault).__name__)
        self._missed = True


def address_of(http: HttpSettings) -> str:
    """Return where this process is reached, as far as it knows itself."""
    host = socket.gethostname() if http.host in _EVERYWHERE else http.host
    return f"http://[{host}]:{http.port}" if ":" in host else f"http://{host}:{http.port}"
