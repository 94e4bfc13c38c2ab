"""Heartbeats over a real PostgreSQL: who lives, who takes over, and what an end in order leaves."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from masterlinc import __version__
from masterlinc.agent import Agent
from masterlinc.context import Services
from masterlinc.errors import Unavailable
from masterlinc.ids import new_id
from masterlinc.observe.health import STATES, WELL
from masterlinc.processes import heartbeat
from masterlinc.processes.heartbeat import address_of, beating, bury
from masterlinc.processes.reading import known, living, serving
from masterlinc.secrets import Secret
from masterlinc.settings import HttpSettings

PATIENCE = 10
LEASE = 1.0


class Bell:
    """Counts how often it was rung, and lets a test wait for it."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._rung.set()

    async def heard(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._rung.wait()
        self._rung.clear()


@dataclass
class Work:
    """What a process is at."""

    running: int = 0
    holding: list[UUID] = field(default_factory=list)


@asynccontextmanager
async def process(services: Services, bell: Bell, work: Work | None = None):
    async with beating(services, work or Work(), bell):
        yield services.process_id


@pytest_asyncio.fixture(loop_scope="session")
async def services(kernel) -> Services:
    return await kernel(Agent("toy", "Toy", "لعبة", "1", ">=0.1"), lease_seconds=LEASE)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(services):
    connection = await asyncpg.connect(services.settings.database.owner_url.reveal())
    yield connection
    await connection.close()


async def rows(services: Services):
    async with services.db.transaction() as transaction:
        return await known(transaction)


async def leased(owner: asyncpg.Connection, process, *, status: str = "running", age: timedelta = timedelta(0)):
    """A workflow that a process has leased."""
    one = new_id()
    await owner.execute(
        "INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, status, stopping,"
        " lease_owner, wake_at, changed_at)"
        " VALUES ($1, 'toy.work', 1, $2, $3, 'toy', $4, 'failed', $5, 'infinity', now() - $6::interval)",
        *(one, one.hex, new_id(), status, process, age),
    )
    return one


async def workflow(owner: asyncpg.Connection, one):
    return await owner.fetchrow(
        "SELECT lease_owner, crashes, wake_at <= now() AS due FROM masterlinc.workflow WHERE id = $1", one
    )


async def taken(owner: asyncpg.Connection, process, *, attempts: int = 2):
    """A delivery that a process has taken."""
    one = new_id()
    await owner.execute(
        "INSERT INTO masterlinc.delivery (subscription, event_id, agent, organization_id, aggregate, aggregate_seq,"
        " attempts, fence, lease_owner, next_at) VALUES ('toy.one', $1, 'toy', $1, $1, 1, $2, 1, $3, 'infinity')",
        *(one, attempts, process),
    )
    return one


async def delivery(owner: asyncpg.Connection, one):
    """Whose it is, its attempts, whether its last start is held against it, and whether it is due."""
    return await owner.fetchrow(
        "SELECT lease_owner, attempts, error IS NULL AS suspect, next_at <= now() AS due FROM masterlinc.delivery"
        " WHERE event_id = $1",
        one,
    )


async def dead(owner: asyncpg.Connection, *, silent: timedelta = timedelta(minutes=1)):
    """A process that beat a while ago, and whose lease was a short one."""
    one = new_id()
    await owner.execute(
        "SELECT masterlinc.beat($1, 'gone', 'host', 1, 'http://gone', '{toy}', '0', '1 h', '10 ms', 0, '{}', false)",
        one,
    )
    await owner.execute("UPDATE masterlinc.process SET beat_at = now() - $2::interval WHERE id = $1", one, silent)
    return one


async def until(check) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await check():
            await asyncio.sleep(0.01)


async def test_a_process_that_runs_is_known_with_what_it_serves_and_works_on(services):
    async with process(services, Bell(), Work(running=3)) as me:
        (row,) = await rows(services)
        assert (row.id, row.pid, row.running, row.version) == (me, os.getpid(), 3, __version__)
        assert (row.name, row.draining, row.lives) == ("masterlinc", False, True)
        assert row.address == "http://127.0.0.1:8000"
        assert set(row.agents) == {a.name for a in services.registry.agents}
        assert abs(datetime.now(UTC) - row.started_at) < timedelta(minutes=1)
    assert await rows(services) == []


async def test_it_beats_again_and_again_and_keeps_its_start(services):
    async with process(services, Bell()):
        first = (await rows(services))[0]

        async def later():
            return (await rows(services))[0].beat_at > first.beat_at

        await until(later)
        assert (await rows(services))[0].started_at == first.started_at


async def test_a_process_says_which_of_the_agents_that_it_serves_are_not_well(services):
    services.settings.process.agents = ["toy"]
    services.kept[STATES] = {"toy": "unhealthy", "masterlinc": "unhealthy"}
    async with process(services, Bell()):
        (row,) = await rows(services)
        assert (row.agents, row.unwell) == (("toy",), ("toy",))
        services.kept[STATES] = {"toy": WELL}

        async def well():
            return (await rows(services))[0].unwell == ()

        await until(well)


async def test_what_a_dead_process_left_is_taken_over_and_everybody_is_woken(services, owner):
    bell, work = Bell(), Work()
    async with process(services, bell, work) as me:
        mine = await leased(owner, me)
        gone = await dead(owner)
        left, undoing = await leased(owner, gone), await leased(owner, gone, status="undoing")
        await bell.heard()
        for one in (left, undoing):
            assert tuple(await workflow(owner, one)) == (None, 1, True)
        assert (await workflow(owner, mine))["lease_owner"] == me
        notes = await owner.fetch("SELECT kind, detail FROM masterlinc.workflow_note WHERE workflow_id = $1", left)
        assert [tuple(row) for row in notes] == [("taken_over", f"gone {gone}")]
        assert [row.id for row in await rows(services) if not row.lives] == [gone]  # shown for an hour


async def test_the_deliveries_of_a_dead_process_do_not_wait_for_their_own_lease(services, owner):
    bell = Bell()
    async with process(services, bell) as me:
        mine, theirs = await taken(owner, me), await taken(owner, await dead(owner))
        await bell.heard()
        assert tuple(await delivery(owner, theirs)) == (None, 2, True, True)
        assert tuple(await delivery(owner, mine)) == (me, 2, True, False)


async def test_a_lease_of_nobody_is_taken_over_when_it_is_old(services, owner):
    bell = Bell()
    old = await leased(owner, new_id(), age=timedelta(minutes=1))
    young = await leased(owner, new_id(), age=-timedelta(minutes=1))
    async with process(services, bell):
        assert (await workflow(owner, old))["lease_owner"] is None
        assert (await workflow(owner, young))["lease_owner"] is not None
    assert bell.count == 2  # what was taken over, and the end


async def test_a_lease_of_its_own_that_it_does_not_know_of_is_freed_when_it_is_old(services, owner):
    known, unknown, young = [await leased(owner, services.process_id, age=timedelta(minutes=one)) for one in (1, 1, -1)]
    async with process(services, Bell(), Work(holding=[known])) as me:
        assert (await workflow(owner, known))["lease_owner"] == me
        assert (await workflow(owner, young))["lease_owner"] == me
        assert tuple(await workflow(owner, unknown)) == (None, 1, True)


async def test_what_a_hung_process_holds_locked_stops_no_beat(services, owner):
    async with process(services, Bell()):
        held = await leased(owner, await dead(owner))
        async with owner.transaction():
            await owner.execute("SELECT FROM masterlinc.workflow WHERE id = $1 FOR UPDATE", held)
            before = (await rows(services))[-1].beat_at

            async def beaten():
                return max(row.beat_at for row in await rows(services)) > before

            await until(beaten)

        async def freed():
            return (await workflow(owner, held))["lease_owner"] is None

        await until(freed)
        assert (await workflow(owner, held))["crashes"] == 1


async def test_two_that_beat_at_once_take_over_once(services, owner):
    left = [await leased(owner, gone) for gone in [await dead(owner)] for _ in range(20)]
    call = "SELECT masterlinc.beat($1, 'x', 'host', 1, 'http://x', '{toy}', '0', '1 s', '60 s', 0, '{}', false)"
    others = [await asyncpg.connect(services.settings.database.url.reveal()) for _ in range(4)]
    try:
        taken = await asyncio.gather(*(one.fetchval(call, new_id()) for one in others))
        assert sum(taken) == len(left)
    finally:
        for one in others:
            await one.close()
    assert {tuple(await workflow(owner, one)) for one in left} == {(None, 1, True)}


async def test_a_process_that_was_taken_for_dead_lives_on_with_its_next_beat(services, owner):
    async with process(services, Bell()) as me:
        await owner.execute("DELETE FROM masterlinc.process WHERE id = $1", me)

        async def back():
            return [row.id for row in await rows(services)] == [me]

        await until(back)
        assert (await rows(services))[0].lives


async def test_a_row_that_nobody_heard_of_for_an_hour_goes(services, owner):
    old, younger = await dead(owner, silent=timedelta(minutes=61)), await dead(owner, silent=timedelta(minutes=59))
    async with process(services, Bell()) as me:
        assert {row.id for row in await rows(services)} == {me, younger}
    assert old != younger


async def test_an_end_in_order_frees_the_work_at_once_and_counts_no_crash(services, owner):
    bell = Bell()
    async with process(services, bell) as me:
        one, event, first = await leased(owner, me), await taken(owner, me), await taken(owner, me, attempts=0)
    assert tuple(await workflow(owner, one)) == (None, 0, True)
    assert tuple(await delivery(owner, event)) == (None, 1, False, True)
    assert tuple(await delivery(owner, first)) == (None, 0, False, True)
    assert bell.count == 1
    assert await rows(services) == []


async def test_who_holds_the_database_alone_buries_all_others(services, owner):
    gone = await dead(owner, silent=timedelta(0))
    one, event = await leased(owner, gone), await taken(owner, gone)
    assert await bury(services.settings.database.url.reveal()) == 2
    assert tuple(await workflow(owner, one)) == (None, 1, True)
    assert tuple(await delivery(owner, event)) == (None, 2, True, True)
    assert await rows(services) == []


async def test_a_process_on_its_way_out_says_so_at_once(services):
    async with process(services, Bell()):
        assert len(serving(await rows(services), "toy")) == 1
        services.drain.begin()

        async def said():
            return (await rows(services))[0].draining

        await until(said)
        assert serving(await rows(services), "toy") == []


async def test_a_lost_connection_is_made_again(services, postgres):
    async with process(services, Bell()):
        name = services.settings.database.url.reveal().rpartition("/")[2].partition("?")[0]
        mighty = await asyncpg.connect(postgres.dsn("superuser", name))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'masterlinc heartbeat'"
        assert await mighty.fetchval(f"{cut} AND datname = current_database()")
        await mighty.close()
        before = (await rows(services))[0].beat_at

        async def again():
            return (await rows(services))[0].beat_at > before

        await until(again)


async def test_an_outage_is_told_once(services, monkeypatch):
    told, url = [], services.settings.database.url
    monkeypatch.setattr(heartbeat.logger, "warning", lambda event, **_: told.append(event))
    services.settings.database.url = Secret("postgresql://app@/nothing?host=/nonexistent")
    heart = heartbeat._Heart(services, Work(), Bell())
    services.settings.database.url = url
    beats = asyncio.create_task(heart.repeat())
    tries = []
    monkeypatch.setattr(heart, "_tell_missed", lambda fault, tell=heart._tell_missed: (tries.append(1), tell(fault)))

    async def often():
        return len(tries) >= 3

    await until(often)
    beats.cancel()
    assert told == ["heartbeat_missed"]
    with pytest.raises(Unavailable):
        await heart.first()


async def test_only_those_who_live_are_counted_as_living(services, owner):
    await dead(owner)
    async with process(services, Bell()) as me, services.db.transaction() as transaction:
        assert [row.id for row in await living(transaction)] == [me]


def test_an_address_is_one_that_others_can_use():
    assert address_of(HttpSettings(host="10.0.0.1", port=81)) == "http://10.0.0.1:81"
    assert address_of(HttpSettings(host="::1", port=81)) == "http://[::1]:81"
    assert "0.0.0.0" not in address_of(HttpSettings(host="0.0.0.0", port=81))
