"""The loop that gives due deliveries and workflows to this process: at once after a commit, else by a short poll."""

import asyncio
import contextvars
import time
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from masterlinc.context import Services
from masterlinc.db.background import background
from masterlinc.errors import Unavailable
from masterlinc.events import relay
from masterlinc.observe.logs import logger
from masterlinc.workflow import engine, schedules

_CUT_SECONDS = 2.0
_SECONDS_BETWEEN_SCHEDULES = 1.0


class Dispatcher:
    """Runs at most `[engine] concurrency` deliveries and workflows at a time, on `[engine] connections`.

    The lease of a delivery runs from when it is taken, so no more are taken than find a connection at once; workflows,
    whose leases the heartbeat keeps, wait for one of theirs.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        connections = services.settings.engine.connections
        self._most_deliveries = connections // 2
        self._places = asyncio.Semaphore(connections - self._most_deliveries)
        self._agents = sorted(services.served)
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._workflows: dict[asyncio.Task[None], UUID] = {}
        self._deliveries: dict[asyncio.Task[None], relay.Delivery] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self._full = False  # the last look took all that fitted: there may be more
        self._scheduled = 0.0
        self._taking = asyncio.Lock()

    @property
    def running(self) -> int:
        """Return how many pieces of work are under way."""
        return len(self._running)

    @property
    def holding(self) -> list[UUID]:
        """Return the workflows that are run here."""
        return list(self._workflows.values())

    def wake(self) -> None:
        """Look for due work now."""
        self._woken.set()

    async def start(self) -> None:
        """Begin; the first look takes over what a crash left behind."""
        self._loop = asyncio.create_task(self._run(), context=contextvars.Context())
        self.wake()

    async def stop(self) -> None:
        """Take nothing new, let what runs come to its end; cut what has not ended in the time that is left."""
        self._stopping = True
        self.wake()
        if self._loop is not None:
            await self._loop
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._services.drain.left())
            await self._cut(late)

    async def _cut(self, late: "set[asyncio.Task[None]]") -> None:
        """Have what is too late rolled back and put back: other processes go on with it."""
        if not late:
            return
        logger.warning("work_cut", reason=f"{len(late)} pieces of work had not ended")
        deliveries = {task: self._deliveries[task] for task in late if task in self._deliveries}
        for task in late:
            task.cancel()
        ended, _ = await asyncio.wait(late, timeout=_CUT_SECONDS)
        for task in ended & deliveries.keys():
            await self._put_back(deliveries[task])

    async def _put_back(self, delivery: relay.Delivery) -> None:
        try:
            await relay.put_back(self._services, delivery)
        except Exception as fault:  # noqa: BLE001 - a lost connection, say: it is free when the process has left
            logger.fault("work_not_put_back", fault)

    async def idle(self) -> None:
        """Return when no due work is left: for commands that wait for their effects."""
        while True:
            self._woken.clear()
            taken = await self._take()
            if not taken and not self._running:
                return
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _run(self) -> None:
        poll = self._services.settings.engine.poll_seconds
        while not self._leaving:
            try:
                async with asyncio.timeout(poll):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            try:
                await self._take()
            except Unavailable as fault:
                logger.warning("dispatch_waits", reason=str(fault))
            except Exception as fault:  # noqa: BLE001 - a lost connection, say: the next look comes with the next poll
                logger.fault("dispatch_failed", fault)

    async def _take(self) -> int:
        async with self._taking:  # who waits in idle() must not look while work is taken and not yet running
            return await self._take_what_fits()

    async def _take_what_fits(self) -> int:
        free = self._services.settings.engine.concurrency - len(self._running)
        if free <= 0 or self._leaving:
            self._full = True
            return 0
        await self._start_schedules()
        fit = min(free, self._most_deliveries - len(self._deliveries))
        deliveries = await relay.claim(self._services, self._agents, fit) if fit > 0 else []
        for delivery in deliveries:
            self._deliveries[self._spawn(relay.deliver(self._services, delivery), None)] = delivery
        left = free - len(deliveries)
        runs = await engine.claim(self._services, self._agents, left) if left > 0 else []
        for run in runs:
            self._workflows[self._spawn(engine.advance(self._services, run), self._places)] = run.id
        self._full = len(deliveries) + len(runs) >= free
        return len(deliveries) + len(runs)

    async def _start_schedules(self) -> None:
        """Look for due schedules, once a second at most: their times are minutes."""
        now = time.monotonic()
        if now - self._scheduled >= _SECONDS_BETWEEN_SCHEDULES:
            self._scheduled = now
            await schedules.start_due(self._services)

    @property
    def _leaving(self) -> bool:
        return self._stopping or self._services.drain.begun

    def _spawn(self, work: Coroutine[Any, Any, None], places: asyncio.Semaphore | None) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, context=background(places))
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        workflow, _ = self._workflows.pop(task, None), self._deliveries.pop(task, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            logger.fault("work_failed", fault)
        if self._full or workflow is None:  # a delivery that is done lets the next of its aggregate go
            self.wake()
