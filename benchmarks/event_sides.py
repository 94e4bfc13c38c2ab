"""The sides of an event: a process that publishes, one that subscribes, or one that does both.

Says `ready`, goes on when its standard input ends, and prints what it found.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop
from msgspec import Struct

from benchmarks.ours import ORGANIZATION, settings_of
from masterlinc import runtime
from masterlinc.agent import Agent, Subscription
from masterlinc.context import Context, Services
from masterlinc.ids import new_id
from masterlinc.registry import assemble
from masterlinc.security.principal import service_principal

_QUIET_SECONDS = 1.5


@dataclass(frozen=True)
class Plan:
    """Where the database is, which side this is, and how many events a second for how long."""

    app: str
    owner: str
    superuser: str
    postgres: int
    side: str
    rate: int
    seconds: float
    tuning: dict[str, Any] = field(default_factory=dict)


class Told(Struct, frozen=True, tag="sender.told.v1"):
    """An event that says when it was published, by the clock that all processes of a machine share."""

    at_ns: int


def agents_of(latencies: list[float]) -> tuple[Agent, Agent]:
    """Return the agent that publishes and the one that subscribes, which notes how long each event took."""

    async def hear(_: Context, event: Told) -> None:
        latencies.append((time.monotonic_ns() - event.at_ns) / 1e9)

    sender = Agent("sender", "Sender", "مرسل", "1", ">=0.1", publishes=(Told,))
    heard = Subscription("hear", Told, hear)
    receiver = Agent("receiver", "Receiver", "مستقبل", "1", ">=0.1", subscribes=(heard,))
    return sender, receiver


async def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    latencies: list[float] = []
    settings = settings_of(plan)
    settings.process.agents = {"publisher": ["sender"], "subscriber": ["receiver"]}.get(plan.side, [])
    services = runtime.build(settings, assemble(settings, agents_of(latencies)))
    async with runtime.run(services):
        runtime.settle()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        published = 0 if plan.side == "subscriber" else await publish(services, plan)
        if plan.side != "publisher":
            await _settled(latencies)
    print(json.dumps({"published": published, "latencies": latencies}))


async def publish(services: Services, plan: Plan) -> int:
    """Publish at a steady rate; a late one is not caught up with."""
    context = Context("sender", services, service_principal("sender", frozenset({ORGANIZATION})))
    begin, count, running = time.monotonic(), int(plan.rate * plan.seconds), set()
    for number in range(count):
        await asyncio.sleep(max(0, begin + number / plan.rate - time.monotonic()))
        running.add(task := asyncio.create_task(_publish_one(context)))
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return count


async def _publish_one(context: Context) -> None:
    async with context.transaction() as transaction:
        transaction.publish(Told(time.monotonic_ns()), aggregate=new_id(), organization_id=ORGANIZATION)


async def _settled(latencies: list[float]) -> None:
    """Return when no event has come for a while."""
    before = -1
    while before != len(latencies):
        before = len(latencies)
        await asyncio.sleep(_QUIET_SECONDS)


if __name__ == "__main__":
    uvloop.run(main())
