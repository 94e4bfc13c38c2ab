"""PostgreSQL and Redis that go away, processes that hang or race, clocks that jump, a subscriber that always fails."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from harness import LEASE, tell
from sending import Stream

from chaos.graphs import TIMER
from chaos.keeper import Keeper
from chaos.test_chaos_kills import LONG
from chaos.trial import PATIENCE, Trial

SERVING = 10.0  # seconds after PostgreSQL takes connections again
RACERS = 40
HOUR, DAY = 3600, 86_400
ADMIN = "admin@demo.masterlinc.test"
TIMERS = """
SELECT extract(epoch FROM s.finished_at - s.started_at)::double precision FROM masterlinc.workflow_step s
JOIN masterlinc.workflow w ON w.id = s.workflow_id
WHERE s.task = 'masterlinc.wait' AND w.title = 'chaos' AND w.business_key LIKE '%/' || $1 || '%'
"""
NOTES = "SELECT count(*) FROM masterlinc.workflow_note WHERE kind = 'taken_over'"
HELD = """
SELECT EXISTS (SELECT FROM masterlinc.workflow w JOIN masterlinc.process p ON p.id = w.lease_owner
    WHERE p.pid = $1 AND masterlinc.lives(p.beat_at, p.lease))
"""
DELIVERIES = """
SELECT count(*) FROM masterlinc.delivery d JOIN masterlinc.event e ON e.id = d.event_id
WHERE d.subscription = $1 AND d.state = $2 AND e.payload ->> 'token' LIKE $3 || '%'
"""
ATTEMPTS = """
SELECT max(s.attempts) FROM masterlinc.workflow_step s JOIN masterlinc.workflow w ON w.id = s.workflow_id
WHERE w.title = 'chaos' AND w.business_key LIKE '%/race-%'
"""
JUMP = "UPDATE masterlinc.process SET beat_at = beat_at - interval '1 hour'"  # as the database would see its own past


async def until(trial: Trial, query: str, *arguments: object, wanted: object = True) -> None:
    """Wait until the database answers this."""
    async with asyncio.timeout(PATIENCE):
        while await trial.value(query, *arguments) != wanted:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("what", ["a backend", "the postmaster"])
async def test_postgres_goes_down_under_load(trial: Trial, what: str) -> None:
    if what == "a backend" and trial.system.shape != "replicas" and not LONG:
        pytest.skip("in the short form with the replicas only")
    system, name = trial.system, what.replace(" ", "-")
    refused = trial.refused
    async with Keeper(trial) as keeper, trial.client() as client, Stream(client, system, name, clients=2) as stream:
        for number in range(4):
            await trial.ask(client, f"before-{name}-{number}", "plain")
        await stream.until(6)
        reading = asyncio.create_task(read_on(client))
        down = time.monotonic()
        await strike_postgres(trial, what)
        asking = asyncio.create_task(trial.ask(client, f"after-{name}", "plain"))
        await trial.value("SELECT 1")
        up = time.monotonic()
        await asking
        served = time.monotonic()
        stream.stop()
        reading.cancel()
        await trial.calm()
        assert keeper.kills == 0  # and nothing was started again
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    after = max(0, served - up)
    tell(f"{system.shape}: PostgreSQL ({what}) was away {up - down:.1f} s, a workflow was taken {after:.1f} s after")
    tell(f"{system.shape}: {trial.refused - refused} answers 503 meanwhile")
    assert after < SERVING
    await trial.settle()


async def strike_postgres(trial: Trial, what: str) -> None:
    """End one process of the database, so that it begins anew; its watcher starts it where it is gone."""
    if what == "a backend":
        pid = await trial.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        os.kill(pid, signal.SIGKILL)
    else:
        text = await trial.value("SELECT pg_read_file('postmaster.pid')")
        os.kill(int(text.split()[0]), signal.SIGQUIT)


async def read_on(client: httpx.AsyncClient) -> None:
    """Read, again and again: what is answered is right, or says when to come again."""
    while True:
        for path in ("/claims", "/workflows"):
            answer = await client.get(path)
            assert answer.status_code in {200, 503}, answer.text
            assert answer.status_code == 200 or int(answer.headers["Retry-After"]) > 0
        await asyncio.sleep(0.02)


async def test_redis_is_emptied_and_killed_under_load(trial: Trial) -> None:
    async with Keeper(trial), trial.client() as client:
        async with Stream(client, trial.system, "redis", clients=2) as stream:
            await stream.until(4)
            trial.redis.flush()
            await trial.ask(client, "redis-flushed", "nested")
            await stream.until(8)
            trial.redis.kill()
            await trial.ask(client, "redis-away", "nested")
            await stream.until(12)
        await trial.calm()
        trial.redis.start()
        await trial.ask(client, "redis-back", "nested")
    await trial.settle()
    async with trial.system.database() as connection:
        events = {row["id"] for row in await connection.fetch("SELECT id::text FROM masterlinc.event")}
    async with asyncio.timeout(PATIENCE):
        while trial.redis.event_ids("masterlinc:events") != events:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("order", ["send hang sent", "send hang marking", "first hang inside"])
async def test_a_process_that_hangs_in_a_step_is_fenced(trial: Trial, order: str) -> None:
    if order != "send hang sent" and not LONG:
        pytest.skip("in the long form only")
    key = order.replace(" ", "-")
    async with Keeper(trial) as keeper, trial.client() as client:
        asking = asyncio.create_task(trial.ask(client, key, "plain", order))
        name = await hung(trial)
        pid = trial.system.processes[name].running.pid
        began = time.monotonic()
        await until(trial, HELD, pid, wanted=False)
        if trial.system.shape == "replicas":
            ended = "SELECT count(*) FROM masterlinc.workflow WHERE business_key LIKE '%/' || $1 AND status = 'done'"
            await until(trial, ended, key, wanted=1)
        seconds = time.monotonic() - began
        trial.system.resume(name)
        await asking
        await trial.calm()
        assert keeper.kills == 0
    await trial.settle()
    workflow = await trial.value("SELECT id::text FROM masterlinc.workflow WHERE business_key LIKE '%/' || $1", key)
    times = trial.received()[f"{workflow}/send"]
    tell(f"{trial.system.shape}: {name} hung ({order}, lease {LEASE} s), replaced after {seconds:.1f} s; sent {times}×")
    again = order != "first hang inside"  # it hung with the message out: who goes on sends it with the same key
    assert times == 1 + again if trial.system.shape == "replicas" else times in {1, 1 + again}


async def hung(trial: Trial) -> str:
    """Wait until one of the processes has stopped itself; returns its name."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for name, one in trial.system.processes.items():
                state = Path(f"/proc/{one.running.pid}/stat").read_text().rpartition(")")[2].split()[0]
                if state == "T":
                    return name
            await asyncio.sleep(0.02)


async def test_processes_that_race_for_steps_do_each_once(trial: Trial) -> None:
    async with Keeper(trial), trial.client() as client:
        await asyncio.gather(*(trial.ask(client, f"race-{number}", "plain") for number in range(RACERS)))
        await trial.calm()
    await trial.settle()
    raced = {key: times for key, times in trial.received().items() if times > 1}
    workflows = await trial.value(
        "SELECT array_agg(id::text) FROM masterlinc.workflow WHERE business_key LIKE '%/race-%'"
    )
    assert [key for key in raced if key.split("/")[0] in workflows] == []
    assert await trial.value(ATTEMPTS) == 1


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, DAY, -DAY])
async def test_a_clock_that_jumps_moves_no_timer(trial: Trial, seconds: int) -> None:
    if abs(seconds) == HOUR and not LONG:
        pytest.skip("in the long form only")
    name = trial.mortal[0]
    before = await trial.value(NOTES)
    async with Keeper(trial), trial.client() as client:
        for number in range(4):
            await trial.ask(client, f"clock{seconds}-{number}", "timed")
        (trial.marks / "clock").write_text(f"{name} {seconds}")
        try:
            path = f"http://127.0.0.1:{trial.system.processes[name].port}/api/v1/workflows"
            async with httpx.AsyncClient(headers=client.headers, trust_env=False) as direct:
                answer = await direct.get(path)
            assert answer.status_code == 401 or (seconds < 0 and answer.status_code == 200)  # the token is old then
            await trial.calm()
        finally:
            (trial.marks / "clock").unlink()
    await trial.settle()
    async with trial.system.database() as connection:
        lengths = [row[0] for row in await connection.fetch(TIMERS, f"clock{seconds}-")]
    assert len(lengths) == 4
    assert min(lengths) >= TIMER
    assert max(lengths) < TIMER + 5
    assert await trial.value(NOTES) == before


async def test_a_database_whose_clock_jumps_ahead_lets_nothing_happen_twice(trial: Trial) -> None:
    async with Keeper(trial), trial.client() as client:
        for number in range(8):
            await trial.ask(client, f"jump-{number}", ("plain", "timed")[number % 2])
            async with trial.system.database() as connection:
                await connection.execute(JUMP)
        await trial.calm()
    await trial.settle()


async def test_a_subscriber_that_always_fails_holds_up_its_aggregate_only(trial: Trial) -> None:
    (trial.marks / "broken").write_text("ill-first")
    async with Keeper(trial), trial.client() as client:
        await trial.ask(client, "ill", "plain")
        await trial.ask(client, "well", "plain")
        await until(trial, DELIVERIES, "chaoslinc.stumble", "parked", "ill-first", wanted=1)
        await until(trial, DELIVERIES, "chaoslinc.hear", "done", "ill-", wanted=2)
        await until(trial, DELIVERIES, "chaoslinc.stumble", "done", "well-", wanted=2)
        assert await trial.value(DELIVERIES, "chaoslinc.stumble", "pending", "ill-last") == 1
        (trial.marks / "broken").unlink()
        async with trial.client(ADMIN) as admin:
            answer = await trial.insist(admin, "/events/redrive", {"subscription": "chaoslinc.stumble"})
        assert answer["redriven"] == 1
        await trial.calm()
    await trial.settle()
