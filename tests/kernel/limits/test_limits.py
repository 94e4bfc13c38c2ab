"""A limit holds in every window: alone, over several processes, and while Redis fails."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from masterlinc.limits import Limits, OverLimit, Policy
from masterlinc.limits.shared import EPOCH, PREFIX
from masterlinc.settings import LimitSettings, RedisUrl
from masterlinc.testing import FixedClock

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
WHOLE = LimitSettings(local_percent=100, redis_milliseconds=5_000)
POLICY = Policy("try", 100)


def alone(**changes):
    clock = FixedClock(START)
    return Limits(LimitSettings(**{"local_percent": 100} | changes), clock), clock


async def taken(limits, times, policy=POLICY, subject="somebody"):
    return sum([(await limits.take(policy, subject)).allowed for _ in range(times)])


@pytest_asyncio.fixture(loop_scope="session")
async def redis(valkey):
    """A Redis that has counted for long."""
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
        await client.set(EPOCH, 0)
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def processes(valkey):
    """Make several processes' limits over one Redis and one clock."""
    made = []

    def make(count, settings=WHOLE, url=valkey.url):
        clock = FixedClock(START)
        made.extend(Limits(settings, clock, redis=RedisUrl(url), secret=lambda: b"s") for _ in range(count))
        return made[-count:], clock

    yield make
    for limits in made:
        await limits.close()


async def test_a_limit_is_reached_and_said():
    limits, _ = alone()
    policy = Policy("small", 3)
    answers = [await limits.take(policy, "a") for _ in range(4)]
    assert [one.allowed for one in answers] == [True, True, True, False]
    assert [one.remaining for one in answers] == [2, 1, 0, 0]
    assert answers[-1].fields == ('"small";q=3;w=60', '"small";r=0;t=66')
    refused = OverLimit(answers[-1])
    assert refused.headers == {"Retry-After": "66"}
    assert refused.extra == {"violated-policies": ["small"]}
    assert (await limits.take(policy, "b")).allowed


async def test_who_waits_as_long_as_was_said_is_let_in():
    limits, clock = alone()
    policy = Policy("small", 1)
    await limits.take(policy, "a")
    clock.advance(timedelta(seconds=7.5))
    refused = await limits.take(policy, "a")
    clock.advance(timedelta(seconds=refused.seconds - 1.1))
    assert not (await limits.take(policy, "a")).allowed
    clock.advance(timedelta(seconds=1.1))
    assert (await limits.take(policy, "a")).allowed


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 8)), max_size=60), st.integers(1, 12))
def test_case_144_no_window_wherever_it_begins_holds_more_than_the_limit(bursts, limit):
    async def run():
        limits, clock = alone()
        policy, at = Policy("p", limit, 10), []
        for pause, burst in bursts:
            clock.advance(timedelta(milliseconds=pause))
            at += [clock.now()] * await taken(limits, burst, policy)
        for begin in at:
            assert sum(begin <= one < begin + timedelta(seconds=10) for one in at) <= limit

    asyncio.run(run())


async def test_a_steady_caller_below_the_limit_is_never_refused():
    limits, clock = alone()
    for _ in range(500):
        assert (await limits.take(Policy("p", 60), "a")).allowed
        clock.advance(timedelta(seconds=1.1))


async def test_a_clock_that_is_set_back_gives_nothing_away_and_locks_nobody_out():
    limits, clock = alone()
    assert await taken(limits, 200) == 100
    clock.advance(timedelta(hours=-1))
    assert await taken(limits, 200) == 0
    clock.advance(timedelta(seconds=66))
    assert await taken(limits, 200) == 100


async def test_a_new_limit_of_the_same_name_counts_anew():
    limits, _ = alone()
    assert await taken(limits, 5, Policy("p", 2)) == 2
    assert await taken(limits, 5, Policy("p", 3)) == 3


async def test_memory_is_bounded_and_who_is_idle_longest_is_forgotten():
    limits, clock = alone(subjects=3)
    one = Policy("p", 1)
    for subject in "abc":
        assert await taken(limits, 1, one, subject) == 1
    clock.advance(timedelta(seconds=10))
    assert await taken(limits, 1, one, "a") == 0  # seen again: now b is idle longest
    assert await taken(limits, 1, one, "d") == 1
    assert len(limits) == 3
    assert await taken(limits, 1, one, "a") == 0
    assert await taken(limits, 1, one, "b") == 1


async def test_without_redis_a_process_grants_its_share_and_never_none():
    limits, _ = alone(local_percent=25)
    assert await taken(limits, 200) == 25
    assert await taken(limits, 5, Policy("tiny", 1)) == 1


async def test_case_144_processes_share_one_limit(redis, processes):
    three, clock = processes(3)
    assert sum(await asyncio.gather(*(taken(limits, 100) for limits in three))) == 100
    clock.advance(timedelta(seconds=59))
    assert sum(await asyncio.gather(*(taken(limits, 100) for limits in three))) == 0
    clock.advance(timedelta(seconds=7))
    assert sum(await asyncio.gather(*(taken(limits, 100) for limits in three))) == 100


async def test_case_144_parallel_bursts_at_the_edge_of_a_window_stay_within_the_limit(redis, processes):
    four, clock = processes(4)
    policy, at = Policy("edge", 200, 10), []
    for _ in range(30):
        allowed = await asyncio.gather(*(limits.take(policy, "a") for limits in four for _ in range(20)))
        at += [clock.now()] * sum(one.allowed for one in allowed)
        clock.advance(timedelta(seconds=0.9))
    most = max(sum(begin <= one < begin + timedelta(seconds=10) for one in at) for begin in at)
    assert 180 <= most <= 200


PROCESS = """
import asyncio, sys
from masterlinc.clock import SystemClock
from masterlinc.limits import Limits, Policy
from masterlinc.settings import LimitSettings, RedisUrl

async def main():
    limits = Limits(LimitSettings(redis_milliseconds=5_000), SystemClock(), redis=RedisUrl(sys.argv[1]))
    asked = [limits.take(Policy("many", 500), "a") for _ in range(700)]
    print(sum(taken.allowed for taken in await asyncio.gather(*asked)))
    await limits.close()

asyncio.run(main())
"""


async def test_case_144_real_processes_on_real_clocks_share_one_limit(redis, valkey):
    words = [sys.executable, "-c", PROCESS, valkey.url]
    children = [await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE) for _ in range(3)]
    said = [(await child.communicate())[0] for child in children]
    assert 450 <= sum(int(count) for count in said) <= 500


async def test_permits_that_were_not_used_go_back(redis, processes):
    (busy, other), clock = processes(2)
    assert await taken(busy, 60) == 60
    clock.advance(timedelta(seconds=6))
    await taken(busy, 1)  # the slot is over: what was left of it is given back
    clock.advance(timedelta(seconds=6))
    await taken(busy, 1)
    assert await taken(other, 100) >= 35


async def test_a_busy_caller_costs_few_questions(redis, processes):
    [limits], _ = processes(1)
    before = (await redis.info("commandstats"))["cmdstat_mget"]["calls"]
    assert await taken(limits, 5_000, Policy("busy", 1_000_000)) == 5_000
    assert (await redis.info("commandstats"))["cmdstat_mget"]["calls"] - before < 20


async def test_many_subjects_are_asked_for_together(redis, processes):
    [limits], _ = processes(1)
    before = (await redis.info("commandstats"))["cmdstat_exec"]["calls"]
    answers = await asyncio.gather(*(limits.take(POLICY, str(number)) for number in range(500)))
    assert all(one.allowed for one in answers)
    assert (await redis.info("commandstats"))["cmdstat_exec"]["calls"] - before <= 3


async def test_a_caller_that_goes_away_leaves_the_question_to_the_others(redis, processes):
    [limits], _ = processes(1)
    first, second = (asyncio.create_task(limits.take(POLICY, "a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).allowed
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_redis_that_was_flushed_makes_limits_stricter_and_what_is_known_stays(redis, processes):
    (knowing, other), clock = processes(2, LimitSettings(local_percent=10, redis_milliseconds=5_000))
    assert await taken(knowing, 100) == 100
    clock.advance(timedelta(seconds=6))
    await redis.flushall()
    assert await taken(knowing, 100) == 0
    assert 9 <= await taken(other, 100) <= 10  # what the first asked for in vain may still be on its way back
    assert await taken(knowing, 100, subject="new") == 10
    assert await taken(other, 100, subject="new") == 0  # the share is one for all: Redis counts on
    clock.advance(timedelta(seconds=66))
    assert await taken(other, 100) == 100


async def test_a_redis_that_is_away_makes_limits_stricter_at_once(processes, tmp_path):
    (first, second), clock = processes(2, LimitSettings(local_percent=5), f"unix://{tmp_path}/none")
    assert await taken(first, 100) == 5
    assert await taken(second, 100) == 5
    clock.advance(timedelta(seconds=66))
    assert await taken(first, 100) == 5


async def test_a_redis_that_hangs_is_not_waited_for(processes, tmp_path):
    asked = asyncio.Event()

    async def hang(reader, writer):
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(hang, tmp_path / "s"):
        [limits], _ = processes(1, LimitSettings(local_percent=5, redis_milliseconds=10), f"unix://{tmp_path}/s")
        assert await taken(limits, 100) == 5
        assert asked.is_set()
        await limits.close()


async def test_after_an_outage_redis_is_believed_when_it_counted_for_a_window(redis, processes, monkeypatch):
    [limits], clock = processes(1, LimitSettings(local_percent=20, redis_milliseconds=5_000))
    take = limits._shared.take

    async def away(*_):
        raise ConnectionError

    monkeypatch.setattr(limits._shared, "take", away)
    assert await taken(limits, 100) == 20
    monkeypatch.setattr(limits._shared, "take", take)
    clock.advance(timedelta(seconds=2))
    assert await taken(limits, 100) == 0
    clock.advance(timedelta(seconds=66))
    assert await taken(limits, 100) == 100


@pytest.mark.parametrize(
    "subject", ["a\r\nFLUSHALL\r\n", "*", "{x}", "a:1", "سلمى@example.test", "\ud800", "x" * 70_000]
)
async def test_case_063_what_a_caller_writes_is_no_part_of_a_command_or_key(redis, processes, subject):
    [limits], _ = processes(1)
    assert await taken(limits, 2, Policy("p", 1), subject) == 1
    keys = [key.decode() for key in await redis.keys("*") if key.decode() != EPOCH]
    assert len(keys) == 1
    prefix, name, digest, slot = keys[0].removeprefix("masterlinc:").split(":")
    assert (f"masterlinc:{prefix}:", name, len(digest)) == (PREFIX, "p", 32)
    assert slot.isdigit()
    assert 0 < await redis.ttl(keys[0]) < 90


async def test_case_063_the_commands_need_no_scripts_and_no_administration(redis, processes, valkey):
    words = "-@all +@connection +incrby +expire +mget +get +set +multi +exec ~masterlinc:* on >secret"
    await redis.execute_command("ACL", "SETUSER", "limited", "reset", *words.split())
    [limits], _ = processes(1, url=valkey.url.replace("unix://", "unix://limited:secret@"))
    assert await taken(limits, 200) == 100
    assert limits._lost_at == 0
