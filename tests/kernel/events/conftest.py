"""An agent of the tests' own that takes events, and what it was handed."""

from collections.abc import Iterable
from uuid import UUID

import pytest
from msgspec import Struct

from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.events import relay
from masterlinc.ids import new_id


class ToyMade(Struct, frozen=True, tag="toy.toy_made.v1"):
    number: int


class ToyBroken(Struct, frozen=True, tag="toy.toy_broken.v1"):
    number: int


class Toy:
    """What each subscriber took, in the order of commits; numbers in `poison` are refused."""

    def __init__(self) -> None:
        self.organization = new_id()
        self.taken: dict[str, list[int]] = {"count": [], "show": []}
        self.poison: set[int] = set()

    def agent(self, max_attempts: int = 1) -> Agent:
        subscribes = tuple(Subscription(name, ToyMade, self._subscriber(name), max_attempts) for name in self.taken)
        return Agent("toy", "Toy", "لعبة", "1", ">=0.1", publishes=(ToyMade, ToyBroken), subscribes=subscribes)

    def _subscriber(self, name: str):
        async def run(ctx: Context, event: ToyMade) -> None:
            if event.number in self.poison:
                raise RuntimeError("poison")
            async with ctx.transaction() as transaction:
                transaction.on_commit(lambda: self.taken[name].append(event.number))

        return run

    def event(self, number: int, *, broken: bool = False) -> Struct:
        return ToyBroken(number) if broken else ToyMade(number)

    async def publish(
        self,
        services: Services,
        numbers: Iterable[int],
        *,
        aggregate: UUID | None = None,
        organization: UUID | None = None,
        broken: bool = False,
    ) -> None:
        """Publish each number in a transaction of its own."""
        for number in numbers:
            async with services.db.transaction() as transaction:
                transaction.publish(
                    self.event(number, broken=broken),
                    aggregate=aggregate or new_id(),
                    organization_id=organization or self.organization,
                )

    async def work(self, services: Services) -> None:
        """Deliver what is due, until nothing is."""
        while deliveries := await relay.claim(services, ["toy"], 10):
            for delivery in deliveries:
                await relay.deliver(services, delivery)


@pytest.fixture
def toy() -> Toy:
    return Toy()
