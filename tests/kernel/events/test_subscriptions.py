from msgspec import Struct

from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context
from masterlinc.events import subscriptions
from masterlinc.ids import new_id

ORGANIZATION, ANOTHER = new_id(), new_id()


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


async def ignore(ctx: Context, event: ToyMade) -> None:
    return None


def toy(*names: str, version: str = "1", max_attempts: int = 3) -> Agent:
    subscribes = tuple(Subscription(name, ToyMade, ignore, max_attempts) for name in names)
    return Agent("toy", "Toy", "لعبة", version, ">=0.1", subscribes=subscribes)


async def stored(services) -> dict[str, int]:
    async with services.db.transaction() as transaction:
        rows = await transaction.fetch("SELECT name, max_attempts FROM masterlinc.subscription ORDER BY name")
    return dict(map(tuple, rows))


async def registered(kernel, urls, *agents: Agent):
    services = await kernel(*agents, urls=urls)
    await subscriptions.register(services)
    return services


async def test_a_newer_version_adds_changes_and_removes(kernel, new_database):
    urls = await new_database()
    services = await registered(kernel, urls, toy("count", "show"))
    assert await stored(services) == {"toy.count": 3, "toy.show": 3}
    services = await registered(kernel, urls, toy("count", "add", version="1.1", max_attempts=5))
    assert await stored(services) == {"toy.add": 5, "toy.count": 5}


async def test_a_process_of_an_older_version_takes_nothing_from_a_newer_one(kernel, new_database):
    """While a new version is rolled out, a process of the old one may start again."""
    urls = await new_database()
    await registered(kernel, urls, toy("count", "add", version="1.10", max_attempts=5))
    services = await registered(kernel, urls, toy("count", version="1.9"))
    assert await stored(services) == {"toy.add": 5, "toy.count": 5}


async def test_a_disabled_agent_subscribes_to_nothing(kernel, new_database):
    urls = await new_database()
    await registered(kernel, urls, toy("count"))
    assert await stored(await registered(kernel, urls)) == {}


async def test_a_version_that_cannot_be_compared_is_taken_for_ours(kernel, new_database):
    urls = await new_database()
    await registered(kernel, urls, toy("count", "add", version="spring"))
    assert await stored(await registered(kernel, urls, toy("count", version="summer"))) == {"toy.count": 3}


async def test_the_standing_counts_what_one_s_own_organizations_wait_for(kernel):
    services = await kernel(toy("count", "show"))
    await subscriptions.register(services)
    async with services.db.transaction() as transaction:
        for organization in (ORGANIZATION, ORGANIZATION, ANOTHER):
            transaction.publish(ToyMade(1), aggregate=new_id(), organization_id=organization)
    async with services.db.transaction() as transaction:
        await transaction.execute(
            "UPDATE masterlinc.delivery SET state = 'parked' WHERE subscription = 'toy.show' AND organization_id = $1",
            ANOTHER,
        )
        await transaction.execute(
            "UPDATE masterlinc.delivery SET queued_at = queued_at - interval '1 hour' WHERE organization_id = $1",
            ANOTHER,
        )
    async with services.db.transaction(read_only=True) as transaction:
        everything = await subscriptions.standing(transaction, None)
        own = await subscriptions.standing(transaction, {ORGANIZATION})
        none = await subscriptions.standing(transaction, ())
    assert [(one.name, one.pending, one.parked) for one in everything] == [("toy.count", 3, 0), ("toy.show", 2, 1)]
    assert [(one.name, one.pending, one.parked) for one in own] == [("toy.count", 2, 0), ("toy.show", 2, 0)]
    assert [(one.name, one.pending, one.parked) for one in none] == [("toy.count", 0, 0), ("toy.show", 0, 0)]
    assert (none[0].oldest_seconds, own[0].event, own[0].replay) == (None, "toy.toy_made.v1", None)
    assert everything[0].oldest_seconds >= 3600 > own[0].oldest_seconds >= 0
