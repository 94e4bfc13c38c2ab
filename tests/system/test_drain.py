"""SIGTERM under load: not ready first, nothing lost, gone in time, and its work free at once."""

import asyncio

import httpx
import pytest
from harness import System, tell
from sending import Stream, settle

TAKEN_OVER = "SELECT count(*) FROM masterlinc.workflow_note WHERE kind = 'taken_over'"
VICTIMS = {"one": "up", "replicas": "masterlinc-2", "per-agent": "claimlinc"}
NAMED = "SELECT count(*) FROM masterlinc.process WHERE name = $1"
ROWS = "SELECT count(*) FROM masterlinc.process WHERE pid = $1"


async def notes(system: System) -> int:
    async with system.database() as connection:
        return await connection.fetchval(TAKEN_OVER)


async def test_a_process_that_is_told_to_stop_under_load_loses_nothing(system: System) -> None:
    async with system.client() as client:
        await settle(client, system)
        before = await notes(system)
        name = VICTIMS[system.shape]
        async with Stream(client, system, "D") as stream:
            await stream.until(20)
            pid = system.processes[name].running.pid
            seen = await Watched.begin(system, name)
            code, seconds = await system.stop(name)
            stream.stop()
        answered = await seen.until_gone()
        assert code == 0, system.said(name)
        assert seconds < 30
        assert 503 in answered
        assert answered[answered.index(503) :].count(200) == 0
        await system.start(name)
        async with system.database() as connection:
            assert await connection.fetchval(ROWS, pid) == 0
        tell(f"{system.shape}: {name} stopped under load in {seconds:.1f} s")
        await settle(client, system)
        assert await notes(system) == before  # everything was handed on in order
    await system.check()


async def test_a_command_with_workers_drains_them_under_load(system: System) -> None:
    if system.shape != "replicas":
        pytest.skip("workers are tried beside the replicas")
    system.add("workers", "masterlinc", HTTP__WORKERS="2")
    await system.start("workers")
    async with system.client() as client:
        before = await notes(system)
        async with Stream(client, system, "W") as stream:
            async with system.database() as connection, asyncio.timeout(30):
                while await connection.fetchval(NAMED, "workers") != 2:
                    await asyncio.sleep(0.05)
            await stream.until(20)
            seen = await Watched.begin(system, "workers")
            code, seconds = await system.stop("workers")
            stream.stop()
        assert code == 0, system.said("workers")
        assert seconds < 30
        assert 503 in await seen.until_gone()
        async with system.database() as connection:
            assert await connection.fetchval(NAMED, "workers") == 0
        tell(f"two workers stopped under load in {seconds:.1f} s")
        system.remove("workers")
        await settle(client, system)
        assert await notes(system) == before
    await system.check()


class Watched:
    """Asks a process whether it is ready, from before it is told to stop until nothing answers."""

    def __init__(self, system: System, name: str) -> None:
        self._answers: list[int] = []
        self._first = asyncio.Event()
        self._asking = asyncio.create_task(self._ask(system, name))

    @classmethod
    async def begin(cls, system: System, name: str) -> "Watched":
        watched = cls(system, name)
        async with asyncio.timeout(30):
            await watched._first.wait()
        return watched

    async def until_gone(self) -> list[int]:
        await self._asking
        return self._answers

    async def _ask(self, system: System, name: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            while (answer := await system.health(name, client)) or not self._answers:
                if answer:
                    self._answers.append(answer)
                    self._first.set()
                await asyncio.sleep(0.01)
