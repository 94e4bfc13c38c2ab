"""A subscription is handed its events again from a point on, each once, in order, whatever else runs."""

import asyncio
import contextvars
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from masterlinc.errors import Invalid
from masterlinc.events import relay, replay, subscriptions
from masterlinc.events.errors import ReplayRuns
from masterlinc.ids import new_id, show

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
PATIENCE = 30


async def started(kernel, toy, **options):
    services = await kernel(toy.agent(**options))
    await subscriptions.register(services)
    return services


async def ask(services, start, subscription="toy.count", organizations=None) -> UUID:
    async with services.db.transaction() as transaction:
        return await replay.ask(transaction, subscription, start, organizations=organizations, asked_by=None)


async def run(services, start, **options) -> replay.Progress:
    asked = await ask(services, start, **options)
    while not (reached := await replay.progress(services, asked)).finished:
        await replay.advance(services)
    return reached


async def event_of(services, number: int):
    async with services.db.transaction() as transaction:
        return await transaction.fetchrow(
            "SELECT id, created_at FROM masterlinc.event WHERE (payload ->> 'number')::int = $1", number
        )


async def test_one_subscriber_is_handed_again_what_it_took_and_the_others_are_not(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, range(1, 6), aggregate=new_id())
    await toy.work(services)
    assert toy.taken == {"count": [1, 2, 3, 4, 5], "show": [1, 2, 3, 4, 5]}
    reached = await run(services, EPOCH)
    await toy.work(services)
    assert toy.taken == {"count": [1, 2, 3, 4, 5] * 2, "show": [1, 2, 3, 4, 5]}
    assert reached == replay.Progress(5, finished=True)


async def test_from_an_event_on(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, range(1, 6), aggregate=new_id())
    await toy.work(services)
    await run(services, (await event_of(services, 4))["id"])
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3, 4, 5, 4, 5]


async def test_from_an_event_on_that_another_subscribes_to(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1, 2])
    await toy.publish(services, [100], broken=True)
    await toy.publish(services, [3])
    await toy.work(services)
    await run(services, (await event_of(services, 100))["id"])
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3, 3]


async def test_from_a_time_on(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, range(1, 6))
    await toy.work(services)
    moment = (await event_of(services, 3))["created_at"]
    await run(services, moment)
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3, 4, 5, 3, 4, 5]


async def test_from_a_time_on_after_much_was_published_before(kernel, toy, monkeypatch):
    """It begins near the time and not at the first event; ids made long before lie before it."""
    monkeypatch.setattr(replay, "_MARGIN", timedelta(0))
    services = await started(kernel, toy)
    await toy.publish(services, range(1, 6))
    later = (await event_of(services, 5))["created_at"] + timedelta(seconds=1)
    async with services.db.transaction() as transaction:
        xid, _, _ = await replay._before(transaction, later)
        assert xid == await transaction.fetchval("SELECT max(xid::text::bigint) FROM masterlinc.event")
        assert (await replay._before(transaction, EPOCH))[0] == 0


async def test_a_subscription_that_appears_later_is_handed_what_was_before(kernel, toy, new_database):
    urls, aggregate = await new_database(), new_id()
    before = await kernel(urls=urls)
    await toy.publish(before, [1, 2, 3], aggregate=aggregate)
    services = await kernel(toy.agent(), urls=urls)
    await subscriptions.register(services)
    await toy.publish(services, [4], aggregate=aggregate)
    await toy.work(services)
    assert toy.taken["count"] == [4]
    await run(services, EPOCH)
    await toy.work(services)
    assert toy.taken["count"][1:] == [1, 2, 3, 4]


async def test_only_events_of_the_organizations_that_it_is_for(kernel, toy):
    services, another = await started(kernel, toy), new_id()
    await toy.publish(services, [1, 2])
    await toy.publish(services, [3], organization=another)
    await toy.work(services)
    with pytest.raises(Invalid):
        await ask(services, (await event_of(services, 1))["id"], organizations={another})
    await run(services, EPOCH, organizations={another})
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3, 3]


async def test_in_batches_no_later_event_overtakes_an_earlier_one(kernel, toy, monkeypatch):
    """What is published meanwhile waits until everything before it is queued; other organizations do not."""
    monkeypatch.setattr(replay, "BATCH", 2)
    services, aggregate, another = await started(kernel, toy), new_id(), new_id()
    await toy.publish(services, range(1, 6), aggregate=aggregate)
    await toy.work(services)
    asked = await ask(services, EPOCH, organizations={toy.organization})
    await toy.publish(services, [6], aggregate=aggregate)
    await toy.publish(services, [100], organization=another)
    await replay.advance(services)
    await toy.work(services)
    assert toy.taken["count"][5:] == [100]
    while not (await replay.progress(services, asked)).finished:
        await replay.advance(services)
    await toy.work(services)
    assert toy.taken["count"][6:] == [1, 2, 3, 4, 5, 6]


async def test_what_waits_already_is_not_handed_out_twice(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1, 2, 3], aggregate=new_id())
    assert (await run(services, EPOCH)).queued == 3
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3]


async def test_what_was_taken_and_not_begun_is_taken_back(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1])
    late = [one for one in await relay.claim(services, ["toy"], 10) if one.subscription == "toy.count"]
    await run(services, EPOCH)
    await relay.deliver(services, late[0])
    assert toy.taken["count"] == []
    await toy.work(services)
    await relay.deliver(services, late[0])
    assert toy.taken["count"] == [1]


async def test_what_was_taken_before_an_earlier_event_was_queued_anew_waits_for_it(kernel, toy, monkeypatch):
    """A batch has queued the first event and not yet come to the second, which was taken before the replay."""
    monkeypatch.setattr(replay, "BATCH", 1)
    services, aggregate = await started(kernel, toy), new_id()
    await toy.publish(services, [1], aggregate=aggregate)
    await toy.work(services)
    await toy.publish(services, [2], aggregate=aggregate)
    late = [one for one in await relay.claim(services, ["toy"], 10) if one.subscription == "toy.count"]
    asked = await ask(services, EPOCH)
    await replay.advance(services)
    await relay.deliver(services, late[0])
    assert toy.taken["count"] == [1]
    while not (await replay.progress(services, asked)).finished:
        await replay.advance(services)
    await toy.work(services)
    assert toy.taken["count"] == [1, 1, 2]


async def test_a_delivery_that_runs_is_waited_for_and_made_again(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1])
    running, may_end = asyncio.Event(), asyncio.Event()
    subscriber = services.registry.agents[-1].subscribes[0].run

    async def slow(ctx, event) -> None:
        running.set()
        await may_end.wait()
        await subscriber(ctx, event)

    object.__setattr__(services.registry.agents[-1].subscribes[0], "run", slow)
    late = [one for one in await relay.claim(services, ["toy"], 10) if one.subscription == "toy.count"]
    async with asyncio.timeout(PATIENCE):
        delivery = beside(relay.deliver(services, late[0]))
        await running.wait()
        asked = await ask(services, EPOCH)
        went_on = beside(replay.advance(services))
        async with services.db.connection() as connection:
            while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.005)
        assert not went_on.done()
        may_end.set()
        await delivery
        await went_on
        await replay.advance(services)
    assert toy.taken["count"] == [1]
    assert await replay.progress(services, asked) == replay.Progress(1, finished=True)
    await toy.work(services)
    assert toy.taken["count"] == [1, 1]


def beside(work):
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())


async def test_what_began_before_the_replay_and_commits_later_is_part_of_it(kernel, toy):
    """A replay ends when no transaction of before it is open: it would miss what that publishes."""
    services, aggregate = await started(kernel, toy), new_id()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def publish_late() -> None:
        async with services.db.transaction() as transaction:
            await transaction.execute("SELECT pg_current_xact_id()")
            began.set()
            await may_end.wait()
            transaction.publish(toy.event(2), aggregate=aggregate, organization_id=toy.organization)

    await toy.publish(services, [1], aggregate=aggregate)
    await toy.work(services)
    async with asyncio.timeout(PATIENCE):
        late = beside(publish_late())
        await began.wait()
        await toy.publish(services, [3])  # a batch must not pass over what is still open before it
        asked = await ask(services, EPOCH)
        await replay.advance(services)
        assert not (await replay.progress(services, asked)).finished
        may_end.set()
        await late
        await replay.advance(services)
    assert await replay.progress(services, asked) == replay.Progress(3, finished=True)
    await toy.work(services)
    assert sorted(toy.taken["count"]) == [1, 1, 2, 3]


async def test_two_processes_share_a_replay_and_a_crash_leaves_it_to_the_other(kernel, toy, new_database, monkeypatch):
    monkeypatch.setattr(replay, "BATCH", 3)
    urls = await new_database()
    first, second = [await kernel(toy.agent(), urls=urls) for _ in range(2)]
    await subscriptions.register(first)
    await toy.publish(first, range(40), aggregate=new_id())
    await toy.work(first)
    asked = await ask(first, EPOCH)
    await replay.advance(first)

    async def go_on(services) -> None:
        while not (await replay.progress(services, asked)).finished:
            await replay.advance(services)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(beside(go_on(first)), beside(go_on(second)))
    assert (await replay.progress(first, asked)).queued == 40
    await toy.work(second)
    assert toy.taken["count"] == list(range(40)) * 2


async def test_one_replay_of_a_subscription_at_a_time(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1])
    await ask(services, EPOCH)
    with pytest.raises(ReplayRuns):
        await ask(services, EPOCH)
    await ask(services, EPOCH, subscription="toy.show")
    while await replay.advance(services):
        pass
    await ask(services, EPOCH)


async def test_dead_letters_are_replayed_too(kernel, toy):
    services, aggregate = await started(kernel, toy), new_id()
    toy.poison = {1}
    await toy.publish(services, [1, 2], aggregate=aggregate)
    await toy.work(services)
    assert toy.taken["count"] == []
    toy.poison = set()
    await run(services, EPOCH)
    await toy.work(services)
    assert toy.taken["count"] == [1, 2]


async def test_what_retention_has_forgotten_is_replayed_from_the_events(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1, 2])
    await toy.work(services)
    async with services.db.connection() as connection:
        await connection.execute("SELECT masterlinc.forget_deliveries(now() + interval '1 hour', 100)")
    await run(services, EPOCH)
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 1, 2]


async def test_what_is_not_there_is_told(kernel, toy):
    services = await started(kernel, toy)
    with pytest.raises(Invalid, match="no such subscription"):
        await ask(services, EPOCH, subscription="toy.nothing")
    with pytest.raises(Invalid, match="no such event"):
        await ask(services, new_id())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00+03:00", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31T09:00:00Z", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 30, 21, tzinfo=UTC)),
        ("1969-01-01", datetime(1968, 12, 31, 21, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_that_of_riyadh(text, moment):
    assert replay.point(text) == moment


def test_a_point_is_a_time_or_an_event():
    event = new_id()
    assert replay.point(show("EVT", event)) == event
    for text in ("", "yesterday", "EVT-1", show("CLM", event), "0001-01-01T00:00"):
        with pytest.raises(Invalid):
            replay.point(text)


async def test_the_oldest_times_replay_everything(kernel, toy):
    services = await started(kernel, toy)
    await toy.publish(services, [1])
    await toy.work(services)
    assert (await run(services, replay.point("1900-01-01"))).queued == 1
