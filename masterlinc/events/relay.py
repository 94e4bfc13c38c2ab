"""Hands events to their subscribers: each delivery in a transaction of its own, its effect and its record together."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from masterlinc.agent import Subscription
from masterlinc.backoff import backoff
from masterlinc.context import Context, Services
from masterlinc.faults import in_short
from masterlinc.security.principal import service_principal
from masterlinc.wire import load

# What comes earlier in the aggregate and is not done, for the same subscriber.
_EARLIER = """
    SELECT FROM masterlinc.delivery e
    WHERE e.subscription = c.subscription AND e.aggregate = c.aggregate
      AND e.aggregate_seq < c.aggregate_seq AND e.state <> 'done'
"""
_CLAIM = f"""
WITH due AS (
    SELECT oldest.subscription, oldest.event_id, oldest.unfinished FROM unnest($1::text[]) AS served (agent), LATERAL (
        SELECT c.subscription, c.event_id, c.next_at, c.attempts > 0 AND c.error IS NULL AS unfinished
        FROM masterlinc.delivery c
        WHERE c.state = 'pending' AND c.agent = served.agent AND c.next_at <= now() AND NOT EXISTS ({_EARLIER})
          AND NOT EXISTS (
            SELECT FROM masterlinc.replay r WHERE r.subscription = c.subscription AND r.finished_at IS NULL
              AND (r.organizations IS NULL OR c.organization_id = ANY (r.organizations)))
        ORDER BY c.next_at LIMIT $2 FOR UPDATE OF c SKIP LOCKED
    ) oldest
    ORDER BY oldest.next_at LIMIT $2
)
UPDATE masterlinc.delivery d SET attempts = d.attempts + (NOT due.unfinished)::int, fence = d.fence + 1, error = NULL,
    next_at = now() + $3::interval, lease_owner = $4
FROM due LEFT JOIN masterlinc.event o ON o.id = due.event_id
WHERE d.subscription = due.subscription AND d.event_id = due.event_id
RETURNING d.subscription, d.event_id, d.fence, d.attempts, d.organization_id, o.payload, due.unfinished
"""  # noqa: S608 - our own words

# The order is looked at once more: a replay may have queued an earlier event since this one was taken.
_FINISH = f"""
UPDATE masterlinc.delivery c SET state = 'done', finished_at = now(), error = NULL, lease_owner = NULL
WHERE c.subscription = $1 AND c.event_id = $2 AND c.state = 'pending' AND c.fence = $3 AND NOT EXISTS ({_EARLIER})
RETURNING 1
"""  # noqa: S608 - our own words

_FAIL = """
UPDATE masterlinc.delivery SET next_at = now() + $4::interval, error = $5, lease_owner = NULL
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND fence = $3
"""
_PARK = """
UPDATE masterlinc.delivery SET state = 'parked', finished_at = now(), error = $4, lease_owner = NULL
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND fence = $3
"""
_COUNT = """
UPDATE masterlinc.delivery SET attempts = attempts + 1, next_at = now() + $4::interval
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND fence = $3
RETURNING attempts
"""
_PUT_BACK = """
UPDATE masterlinc.delivery SET next_at = now() + $4::interval, attempts = $5, error = $6, lease_owner = NULL
WHERE subscription = $1 AND event_id = $2 AND state = 'pending' AND fence = $3 AND lease_owner IS NOT NULL
"""
_KNOWN = "SELECT EXISTS (SELECT FROM masterlinc.subscription WHERE name = $1)"


@dataclass(frozen=True)
class Delivery:
    """An event on its way to one subscriber; `fence` counts its starts, so a former one finds out that it is late."""

    subscription: str
    event_id: UUID
    fence: int
    attempts: int
    organization_id: UUID
    payload: str | None
    unfinished: bool  # the last start ended with its process, and this one is not counted yet


async def claim(services: Services, agents: list[str], limit: int) -> list[Delivery]:
    """Take due deliveries with their events; a start is counted and committed before it runs."""
    arguments = agents, limit, _lease(services), services.process_id
    async with services.db.connection() as connection:
        return [Delivery(*row) for row in await connection.fetch(_CLAIM, *arguments)]


async def deliver(services: Services, delivery: Delivery) -> None:
    """Run one subscriber for one event; a fault is recorded and tried again, and parked in the end."""
    found = _find(services, delivery.subscription)
    if found is None:
        await _refuse(services, delivery)
        return
    agent, subscription = found
    if delivery.payload is None:
        await _write(services, _PARK, delivery, "the event is not kept any more")
    elif delivery.unfinished:
        await _run_alone(services, delivery, agent, subscription, delivery.payload)
    else:
        await _run(services, delivery, agent, subscription, delivery.payload)


async def put_back(services: Services, delivery: Delivery, wait: timedelta = timedelta(0)) -> None:
    """Leave a delivery as it was before it was taken, for another process; one that is done or failed stays so."""
    attempts, error = (delivery.attempts, None) if delivery.unfinished else (delivery.attempts - 1, "put back")
    await _write(services, _PUT_BACK, delivery, wait, attempts, error)


async def _run_alone(
    services: Services, delivery: Delivery, agent: str, subscription: Subscription, payload: str
) -> None:
    """Run what a process had begun when it died, one after the other: of many, one may have ended it."""
    async with services.suspects.alone():
        async with services.db.connection() as connection:
            key = delivery.subscription, delivery.event_id, delivery.fence
            attempts = await connection.fetchval(_COUNT, *key, _lease(services))
        if attempts is None:
            return  # it waited for so long that it was taken over
        if attempts > subscription.max_attempts:
            await _write(services, _PARK, delivery, f"started {attempts - 1} times and never finished")
        else:
            await _run(services, replace(delivery, attempts=attempts), agent, subscription, payload)


async def _run(services: Services, delivery: Delivery, agent: str, subscription: Subscription, payload: str) -> None:
    principal = service_principal(agent, frozenset({delivery.organization_id}))
    context = Context(agent, services, principal, trace_id=delivery.event_id.hex)
    try:
        async with context.transaction() as transaction:
            if await transaction.fetchval(_FINISH, delivery.subscription, delivery.event_id, delivery.fence) is None:
                return  # another process took it over after our lease, or a replay took it back
            await subscription.run(context, load(payload, subscription.event))
    except Exception as fault:  # noqa: BLE001 - a subscriber may raise anything; it must not stop the others
        if delivery.attempts >= subscription.max_attempts:
            await _write(services, _PARK, delivery, in_short(fault))
        else:
            await _write(services, _FAIL, delivery, backoff(delivery.attempts), in_short(fault))


async def _refuse(services: Services, delivery: Delivery) -> None:
    """Leave what this version does not know to a process of another one; what nobody wants any more is parked."""
    async with services.db.connection() as connection:
        known = await connection.fetchval(_KNOWN, delivery.subscription)
    if known:
        await put_back(services, delivery, _lease(services))
    else:
        await _write(services, _PARK, delivery, "the subscription is gone")


async def _write(services: Services, statement: str, delivery: Delivery, *arguments: object) -> None:
    async with services.db.connection() as connection:
        await connection.execute(statement, delivery.subscription, delivery.event_id, delivery.fence, *arguments)


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.engine.lease_seconds)


def _find(services: Services, name: str) -> tuple[str, Subscription] | None:
    agent_name, _, label = name.partition(".")
    for agent in services.registry.agents:
        if agent.name == agent_name:
            for one in agent.subscribes:
                if one.name == label:
                    return agent_name, one
    return None
