"""A process that dies or hangs with work in its hands: it goes on elsewhere, or here when it is back."""

import asyncio
import time

from harness import LEASE, System, tell
from sending import Stream, settle

PATIENCE = 60
SHIPPED, WITHIN = "6", 10.0  # the lease in seconds, and how soon work of a dead process goes on
LEFT = """
SELECT count(*) FROM masterlinc.workflow w LEFT JOIN masterlinc.process p ON p.id = w.lease_owner
WHERE w.lease_owner IS NOT NULL AND (p.id IS NULL OR p.pid = $1)
"""
UNFINISHED = "SELECT count(*) FROM masterlinc.workflow WHERE status IN ('running', 'undoing') AND created_at < $1"


async def paused_with_work(system: System) -> str:
    """Pause a process that holds workflows, at an instant of its own; returns its name."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for name in await system.holders():
                system.pause(name)
                if name in await system.holders():
                    return name
                system.resume(name)


async def until_none(system: System, query: str, argument: object) -> float:
    """Wait until a query counts nothing; returns the seconds."""
    began = time.monotonic()
    async with system.database() as connection, asyncio.timeout(PATIENCE):
        while await connection.fetchval(query, argument):
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_the_work_of_a_killed_process_is_taken_over(system: System) -> None:
    async with system.client() as client:
        async with Stream(client, system, "T") as stream:
            name = await paused_with_work(system)
            pid = system.processes[name].running.pid
            await system.kill(name)
            stream.stop()
        alone = system.shape != "replicas"
        if alone:
            await system.start(name)
        async with system.database() as connection:
            moment = await connection.fetchval("SELECT now()")
        seconds = await until_none(system, UNFINISHED, moment)
        assert await until_none(system, LEFT, pid) < PATIENCE
        if not alone:
            await system.start(name)
        await settle(client, system)
    await system.check()
    assert LEASE != SHIPPED or alone or seconds < WITHIN  # the shipped one is tried by make chaos, alone
    tell(f"{system.shape}: work of a killed process done after {seconds:.1f} s (lease {LEASE} s)")


async def test_a_process_that_hangs_loses_its_work_and_lives_on(system: System) -> None:
    async with system.client() as client:
        async with Stream(client, system, "H") as stream:
            name = await paused_with_work(system)
            pid = system.processes[name].running.pid
            began = time.monotonic()
            stream.stop()
            if system.shape == "one":
                dead = "SELECT count(*) FROM masterlinc.process WHERE pid = $1 AND masterlinc.lives(beat_at, lease)"
                await until_none(system, dead, pid)
            else:
                await until_none(system, LEFT, pid)
            seconds = time.monotonic() - began
            system.resume(name)
        await settle(client, system)
        async with system.database() as connection, asyncio.timeout(PATIENCE):
            alive = "SELECT masterlinc.lives(beat_at, lease) FROM masterlinc.process WHERE pid = $1"
            while not await connection.fetchval(alive, pid):
                await asyncio.sleep(0.02)
    await system.check()
    tell(f"{system.shape}: a hung process had lost its work after {seconds:.1f} s (lease {LEASE} s)")
