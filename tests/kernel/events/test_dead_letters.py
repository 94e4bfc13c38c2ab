"""What a subscriber could not take is seen, handed out again, and blocks nothing but its own aggregate."""

import asyncio
from uuid import UUID

import pytest

from masterlinc.context import Context, Services
from masterlinc.events import dead_letters, subscriptions
from masterlinc.events.dead_letters import DeadLetter
from masterlinc.events.errors import NoDeadLetter
from masterlinc.ids import new_id
from masterlinc.security.principal import service_principal


async def parked(kernel, toy, *numbers: int, aggregate: UUID | None = None) -> Services:
    services = await kernel(toy.agent())
    await subscriptions.register(services)
    toy.poison = set(numbers)
    await toy.publish(services, numbers, aggregate=aggregate)
    await toy.work(services)
    return services


def context(services: Services) -> Context:
    return Context("masterlinc", services, service_principal("masterlinc", frozenset()), trace_id="test")


async def listed(services: Services, organizations=None, **wanted) -> tuple[list[DeadLetter], int]:
    async with services.db.transaction(read_only=True) as transaction:
        return await dead_letters.listed(transaction, organizations, **({"limit": 100} | wanted))


async def redrive(services: Services, subscription: str = "toy.count", organizations=None, event=None) -> int:
    return await dead_letters.redrive(context(services), subscription, organizations=organizations, event=event)


async def test_they_are_listed_with_what_an_operator_needs_and_no_message(kernel, toy):
    aggregate = new_id()
    services = await parked(kernel, toy, 1, aggregate=aggregate)
    await toy.publish(services, [2, 3], aggregate=aggregate)
    await toy.work(services)
    letters, counted = await listed(services)
    assert counted == 2
    assert {one.subscription for one in letters} == {"toy.count", "toy.show"}
    one = letters[0]
    assert (one.agent, one.event, one.organization_id) == ("toy", "toy.toy_made.v1", toy.organization)
    assert (one.aggregate, one.aggregate_seq, one.attempts, one.blocked) == (aggregate, 1, 1, 2)
    assert one.error.startswith("RuntimeError at run")
    assert one.parked_at >= one.published_at


async def test_they_are_found_by_subscription_event_and_organization(kernel, toy):
    services = await parked(kernel, toy, 1, 2, 3)
    assert (await listed(services, subscription="toy.show"))[1] == 3
    assert (await listed(services, event="toy.toy_made.v1"))[1] == 6
    assert await listed(services, event="toy.toy_broken.v1") == ([], 0)
    assert await listed(services, {new_id()}) == ([], 0)
    assert (await listed(services, {toy.organization}))[1] == 6


async def test_they_come_by_pages_the_newest_first(kernel, toy):
    services = await parked(kernel, toy, 1, 2, 3)
    whole, _ = await listed(services, subscription="toy.count")
    first, counted = await listed(services, subscription="toy.count", limit=2)
    rest, _ = await listed(services, subscription="toy.count", limit=2, offset=2)
    assert (first + rest, counted) == (whole, 3)
    assert [one.parked_at for one in whole] == sorted((one.parked_at for one in whole), reverse=True)


async def test_one_is_redriven_and_its_aggregate_goes_on_in_order(kernel, toy):
    aggregate = new_id()
    services = await parked(kernel, toy, 1, aggregate=aggregate)
    await toy.publish(services, [2, 3], aggregate=aggregate)
    await toy.publish(services, [10])
    await toy.work(services)
    assert toy.taken == {"count": [10], "show": [10]}
    toy.poison = set()
    assert await redrive(services, event=(await listed(services))[0][0].event_id) == 1
    await toy.work(services)
    assert toy.taken == {"count": [10, 1, 2, 3], "show": [10]}


async def test_all_of_a_subscription_are_redriven_in_batches(kernel, toy, monkeypatch):
    monkeypatch.setattr(dead_letters, "BATCH", 2)
    services = await parked(kernel, toy, *range(5))
    toy.poison = set()
    assert await redrive(services) == 5
    assert await redrive(services) == 0
    await toy.work(services)
    assert sorted(toy.taken["count"]) == list(range(5))
    assert {one.subscription for one in (await listed(services))[0]} == {"toy.show"}


async def test_what_is_parked_again_meanwhile_is_not_redriven_again(kernel, toy, monkeypatch):
    services = await parked(kernel, toy, 1, 2)
    batch = dead_letters._redrive_batch
    counted = []

    async def and_work(*arguments) -> int:
        counted.append(await batch(*arguments))
        await toy.work(services)  # it is still poison
        return counted[-1]

    monkeypatch.setattr(dead_letters, "BATCH", 1)
    monkeypatch.setattr(dead_letters, "_redrive_batch", and_work)
    async with asyncio.timeout(30):
        assert await redrive(services) == 2
    assert counted == [1, 1, 0]


async def test_what_fails_again_is_parked_again_with_attempts_of_its_own(kernel, toy):
    services = await kernel(toy.agent(max_attempts=2))
    await subscriptions.register(services)
    toy.poison = {1}
    await toy.publish(services, [1])
    for _ in range(2):
        for _ in range(2):
            await toy.work(services)
            async with services.db.transaction() as transaction:
                await transaction.execute("UPDATE masterlinc.delivery SET next_at = now()")
        letters, _ = await listed(services, subscription="toy.count")
        assert [one.attempts for one in letters] == [2]
        assert await redrive(services) == 1
        assert await listed(services, subscription="toy.count") == ([], 0)


async def test_only_what_one_may_see_is_redriven(kernel, toy):
    services = await parked(kernel, toy, 1)
    event = (await listed(services))[0][0].event_id
    assert await redrive(services, organizations={new_id()}) == 0
    with pytest.raises(NoDeadLetter):
        await redrive(services, organizations={new_id()}, event=event)
    assert await redrive(services, organizations={toy.organization}, event=event) == 1


async def test_what_is_not_parked_cannot_be_redriven(kernel, toy):
    services = await parked(kernel, toy)
    await toy.publish(services, [1])
    async with services.db.transaction() as transaction:
        event = await transaction.fetchval("SELECT id FROM masterlinc.event")
    with pytest.raises(NoDeadLetter):
        await redrive(services, event=event)
    await toy.work(services)
    with pytest.raises(NoDeadLetter):
        await redrive(services, event=event)


async def test_who_redrives_is_written_down_for_each_organization(kernel, toy):
    services, another = await parked(kernel, toy, 1, 2), new_id()
    toy.poison = {3}
    await toy.publish(services, [3], organization=another)
    await toy.work(services)
    await redrive(services)
    query = "SELECT organization_id, action, resource_id, detail ->> 'events' FROM masterlinc.audit_event"
    async with services.db.transaction(frozenset({toy.organization, another})) as transaction:
        rows = {tuple(row) for row in await transaction.fetch(query)}
    assert rows == {
        (toy.organization, "event.redriven", "toy.count", "2"),
        (another, "event.redriven", "toy.count", "1"),
    }


async def test_what_waits_behind_a_parked_event_does_not_slow_the_others_down(kernel, toy, monkeypatch):
    """However much that is: it is put off, so that a claim does not look at it, and let go by the redrive."""
    monkeypatch.setattr(dead_letters, "PUT_OFF_BATCH", 10)
    aggregate = new_id()
    services = await parked(kernel, toy, 1, aggregate=aggregate)
    async with services.db.transaction() as transaction:
        for number in range(2, 14):
            transaction.publish(toy.event(number), aggregate=aggregate, organization_id=toy.organization)
    async with services.db.connection() as connection:
        due = "SELECT count(*) FROM masterlinc.delivery WHERE state = 'pending' AND next_at <= now()"
        assert await connection.fetchval(due) == 24
        assert [await dead_letters.put_off(services) for _ in range(3)] == [True, True, False]
        assert await connection.fetchval(due) == 0
    await toy.publish(services, [100])
    await toy.work(services)
    assert toy.taken["count"] == [100]
    toy.poison = set()
    await redrive(services)
    await toy.work(services)
    assert toy.taken == {"count": [100, *range(1, 14)], "show": [100]}


async def test_what_waits_behind_an_event_that_is_tried_again_is_not_put_off(kernel, toy):
    services, aggregate = await kernel(toy.agent(max_attempts=5)), new_id()
    await subscriptions.register(services)
    toy.poison = {1}
    await toy.publish(services, [1, 2], aggregate=aggregate)
    await toy.work(services)
    assert not await dead_letters.put_off(services)
    async with services.db.transaction() as transaction:
        assert await transaction.fetchval("SELECT count(*) FROM masterlinc.delivery WHERE next_at <= now()") == 2
