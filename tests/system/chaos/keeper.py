"""Starts processes again that died, as a supervisor does, and knows when each died."""

import asyncio
import contextlib
import signal
import time
from types import TracebackType
from typing import Self

from chaos.trial import Trial

TAKEN_OVER = """
SELECT p.pid, extract(epoch FROM n.at)::double precision FROM masterlinc.workflow_note n
JOIN masterlinc.process p ON p.id::text = right(n.detail, 36) WHERE n.kind = 'taken_over'
"""


class Keeper:
    """Minds all processes of a trial while its block runs; one that ends by anything but a kill fails the block."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._system = trial, trial.system
        self._tasks = asyncio.TaskGroup()
        self._minding: list[asyncio.Task[None]] = []
        self.blows = 0  # kills from outside
        self.deaths: list[tuple[str, int, float]] = []  # name, number, when

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._minding = [self._tasks.create_task(self._mind(name)) for name in self._system.names]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await asyncio.gather(*(self._system.ready(name) for name in self._system.names))
        for task in self._minding:
            task.cancel()
        await self._tasks.__aexit__(kind, fault, trace)

    @property
    def kills(self) -> int:
        """Return how many processes died."""
        return len(self.deaths)

    async def until(self, kills: int) -> None:
        """Wait until this many died."""
        while self.kills < kills:
            await asyncio.sleep(0.02)

    def kill(self, name: str) -> None:
        """End a process from outside."""
        self.blows += 1
        self._system.processes[name].signal(signal.SIGKILL)

    async def takeovers(self) -> list[float]:
        """Return after how many seconds each workflow of a process that died was free for others."""
        async with self._system.database() as connection:
            notes = await connection.fetch(TAKEN_OVER)
        found = []
        for pid, at in notes:
            with contextlib.suppress(ValueError):  # freed from a process that had only hung
                found.append(at - max(when for _, number, when in self.deaths if number == pid and when <= at))
        return found

    async def _mind(self, name: str) -> None:
        one = self._system.processes[name]
        while True:
            assert one.running is not None
            code = await one.running.wait()
            assert code == -signal.SIGKILL, self._system.said(name)
            self.deaths.append((name, one.running.pid, time.time()))
            await self._system.start(name, ready=False)
