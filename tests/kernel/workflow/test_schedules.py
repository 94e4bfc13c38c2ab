"""Schedules: a row holds the next time; who moves it on starts the run, once for all processes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from toys import does, execute, fetch, toy

from masterlinc.agent import Schedule
from masterlinc.clock import RIYADH
from masterlinc.errors import StartupError
from masterlinc.registry import assemble
from masterlinc.settings import Settings
from masterlinc.workflow import schedules


def agent(cron="0 3 * * *", **more):
    return replace(toy(does("a")), schedules=(Schedule("nightly", cron, "work"),), **more)


async def row(services):
    rows = await fetch(services, "SELECT * FROM masterlinc.schedule WHERE name = 'toy.nightly'")
    return rows[0] if rows else None


async def late(services, by: timedelta):
    await execute(
        services, "UPDATE masterlinc.schedule SET next_at = now() - $1::interval WHERE name = 'toy.nightly'", by
    )


async def started(services):
    rows = await fetch(services, "SELECT business_key FROM masterlinc.workflow WHERE name = 'toy.work' ORDER BY id")
    return [one["business_key"] for one in rows]


async def test_a_schedule_is_read_in_riyadh_and_starts_nothing_before_its_time(kernel):
    services = await kernel(agent())
    await schedules.register(services)
    at = (await row(services))["next_at"]
    assert (at.astimezone(RIYADH).hour, at.astimezone(UTC).hour, at.minute, at.microsecond) == (3, 0, 0, 0)
    assert timedelta(0) < at - datetime.now(UTC) <= timedelta(days=1)
    assert await schedules.start_due(services) == 0


@pytest.mark.parametrize("passed", [timedelta(seconds=1), timedelta(days=40)])
async def test_one_run_makes_up_for_all_that_was_missed(kernel, passed):
    services = await kernel(agent())
    await schedules.register(services)
    await late(services, passed)
    due = (await row(services))["next_at"]
    assert [await schedules.start_due(services), await schedules.start_due(services)] == [1, 0]
    after = await row(services)
    assert (after["last_at"], after["next_at"] > datetime.now(UTC)) == (due, True)
    assert await started(services) == [f"toy.nightly@{due.isoformat()}"]


async def test_processes_that_race_start_one_run(kernel, new_database):
    urls = await new_database()
    many = [await kernel(agent(), urls=urls) for _ in range(4)]
    await asyncio.gather(*(schedules.register(one) for one in many))
    for passed in (timedelta(hours=1), timedelta(minutes=1)):
        await late(many[0], passed)
        assert sum(await asyncio.gather(*(schedules.start_due(one) for one in many))) == 1
    assert len(await started(many[0])) == 2


async def test_a_changed_schedule_begins_anew_and_one_that_is_gone_is_forgotten(kernel, new_database):
    urls = await new_database()
    first = await kernel(agent(), urls=urls)
    await schedules.register(first)
    await late(first, timedelta(hours=1))
    before = await row(first)
    await schedules.register(first)
    assert (await row(first))["next_at"] == before["next_at"]  # a start does not lose what is due
    changed = await kernel(agent("30 4 * * *"), urls=urls)
    await schedules.register(changed)
    at = (await row(changed))["next_at"].astimezone(RIYADH)
    assert (at.hour, at.minute) == (4, 30)
    without = await kernel(toy(does("a")), urls=urls)
    await schedules.register(without)
    assert await row(without) is None


async def test_a_process_of_an_older_version_leaves_a_newer_ones_schedules_as_they_are(kernel, new_database):
    """While a new version is rolled out, a process of the old one may start again."""
    urls = await new_database()
    newer = await kernel(agent("30 4 * * *", version="1.10"), urls=urls)
    await schedules.register(newer)
    await late(newer, timedelta(hours=1))
    before = await row(newer)
    for older in (agent(version="1.9"), replace(toy(does("a")), version="1.9")):
        services = await kernel(older, urls=urls)
        await schedules.register(services)
        assert await row(newer) == before
    newest = await kernel(replace(toy(does("a")), version="2"), urls=urls)
    await schedules.register(newest)
    assert await row(newer) is None


async def test_a_disabled_agent_has_no_schedules(kernel, new_database):
    urls = await new_database()
    services = await kernel(agent(version="9"), urls=urls)
    await schedules.register(services)
    without = await kernel(urls=urls)
    await schedules.register(without)
    assert await row(without) is None


async def test_a_process_starts_the_schedules_of_the_agents_that_it_serves(kernel):
    services = await kernel(agent())
    await schedules.register(services)
    await late(services, timedelta(hours=1))
    services.served = frozenset({"masterlinc"})
    assert await schedules.start_due(services) == 0
    services.served = frozenset({"toy"})
    assert await schedules.start_due(services) == 1


@pytest.mark.parametrize(
    "cron", ["", "every night", "61 3 * * *", "* * * *", "0 0 30 2 *", "0 0 31 4,6 *", "0 3 * * * * *"]
)
def test_a_cron_expression_that_cannot_be_read_stops_the_start(cron):
    with pytest.raises(StartupError, match=r"schedule nightly of agent toy: .* is no cron expression"):
        assemble(Settings(), [agent(cron)])


def test_a_schedule_of_no_workflow_stops_the_start():
    wrong = replace(agent(), schedules=(Schedule("nightly", "0 3 * * *", "other"),))
    with pytest.raises(StartupError, match="no workflow other"):
        assemble(Settings(), [wrong])
