"""Hands events to their subscribers: each delivery in a transaction of its own, its effect and its record together."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from masterlinc.agent import Subscription
from masterlinc.backoff import backoff
from masterlinc.context import Context, Services
from masterlinc.faults import in_short
from masterlinc.security.principal import service_principal
from masterlinc.wire import load

_CLAIM = """
UPDATE masterlinc.delivery d SET attempts = d.attempts + 1, next_at = now() + $3::interval
FROM (
    SELECT oldest.subscription, oldest.event_id FROM unnest($1::text[]) AS served (agent), LATERAL (
        SELECT c.subscription, c.event_id, c.next_at FROM masterlinc.delivery c
        WHERE c.state = 'pending' AND c.agent = served.agent AND c.next_at <= now()
          AND NOT EXISTS (
            SELECT FROM masterlinc.delivery e
            WHERE e.subscription = c.subscription AND e.aggregate = c.aggregate
              AND e.aggregate_seq < c.aggregate_seq AND e.state <> 'done')
        ORDER BY c.next_at LIMIT $2 FOR UPDATE OF c SKIP LOCKED
    ) oldest
    ORDER BY oldest.next_at LIMIT $2
) due
WHERE d.subscription = due.subscription AND d.event_id = due.event_id
RETURNING d.subscription, d.event_id, d.attempts
"""

_FINISH = """
UPDATE masterlinc.delivery SET state = 'done', finished_at = now(), error = NULL
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND attempts = $3 RETURNING 1
"""

_FAIL = """
UPDATE masterlinc.delivery SET state = CASE WHEN attempts >= $4 THEN 'parked' ELSE 'pending' END,
    next_at = now() + $5::interval, error = $6
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND attempts = $3
"""


@dataclass(frozen=True)
class Delivery:
    """An event on its way to one subscriber; `attempts` is the fencing token."""

    subscription: str
    event_id: UUID
    attempts: int


async def register(services: Services) -> None:
    """Write the subscriptions of the enabled agents as rows, so that a process that is away misses nothing."""
    rows = [
        (f"{agent.name}.{one.name}", agent.name, event_name(one.event), one.max_attempts)
        for agent in services.registry.agents
        for one in agent.subscribes
    ]
    async with services.db.transaction() as transaction:
        await transaction.execute(
            "DELETE FROM masterlinc.subscription WHERE name <> ALL($1::text[])", [row[0] for row in rows]
        )
        await transaction.executemany(
            "INSERT INTO masterlinc.subscription (name, agent, event, max_attempts) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (name) DO UPDATE"
            " SET agent = excluded.agent, event = excluded.event, max_attempts = excluded.max_attempts",
            sorted(rows),
        )


async def claim(services: Services, agents: list[str], limit: int) -> list[Delivery]:
    """Take due deliveries; the attempt is counted and committed before it runs."""
    lease = timedelta(seconds=services.settings.engine.lease_seconds)
    async with services.db.connection() as connection:
        return [Delivery(*row) for row in await connection.fetch(_CLAIM, agents, limit, lease)]


async def deliver(services: Services, delivery: Delivery) -> None:
    """Run one subscriber for one event; a fault is recorded and tried again, and parked in the end."""
    agent, subscription = _find(services, delivery.subscription)
    try:
        async with services.db.connection() as connection:
            event = await connection.fetchrow(
                "SELECT payload, organization_id FROM masterlinc.event WHERE id = $1", delivery.event_id
            )
        organization = event["organization_id"]
        principal = service_principal(agent, frozenset({organization}))
        context = Context(agent, services, principal, trace_id=delivery.event_id.hex)
        async with context.transaction() as transaction:
            if await transaction.fetchval(_FINISH, delivery.subscription, delivery.event_id, delivery.attempts) is None:
                return  # another process took it over after our lease
            await subscription.run(context, load(event["payload"], subscription.event))
    except Exception as fault:  # noqa: BLE001 - a subscriber may raise anything; it must not stop the others
        await _record_fault(services, delivery, subscription, fault)


async def _record_fault(services: Services, delivery: Delivery, subscription: Subscription, fault: Exception) -> None:
    async with services.db.connection() as connection:
        await connection.execute(
            _FAIL,
            delivery.subscription,
            delivery.event_id,
            delivery.attempts,
            subscription.max_attempts,
            backoff(delivery.attempts),
            in_short(fault),
        )


def _find(services: Services, name: str) -> tuple[str, Subscription]:
    agent_name, _, label = name.partition(".")
    for agent in services.registry.agents:
        if agent.name == agent_name:
            for one in agent.subscribes:
                if one.name == label:
                    return agent_name, one
    raise LookupError(f"there is no subscription {name}")


def event_name(event: type[Struct]) -> str:
    """Return the tag of an event type, as `claimlinc.claim_submitted.v1`."""
    tag = event.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"event {event.__name__} has no tag")
    return tag
