"""Subscriptions as rows, so that a process that is away misses nothing; and how each of them stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.context import Services
from masterlinc.db.transaction import Transaction
from masterlinc.versions import newer

_LOCK = 0x6D6C_7375_6273  # one process writes them at a time
_STORED = "SELECT name, agent, version FROM masterlinc.subscription"
_FORGET = "DELETE FROM masterlinc.subscription WHERE name = ANY($1::text[])"
_WRITE = """
INSERT INTO masterlinc.subscription (name, agent, event, max_attempts, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, event = excluded.event, max_attempts = excluded.max_attempts,
    version = excluded.version
"""
_STANDING = """
SELECT s.name, s.agent, s.event, s.max_attempts, coalesce(q.pending, 0) AS pending, coalesce(q.parked, 0) AS parked,
    extract(epoch FROM now() - q.oldest)::int AS oldest_seconds, r.created_at AS asked_at, r.queued, r.finished_at
FROM masterlinc.subscription s
LEFT JOIN (
    SELECT d.subscription, count(*) FILTER (WHERE d.state = 'pending') AS pending,
        count(*) FILTER (WHERE d.state = 'parked') AS parked,
        min(d.queued_at) FILTER (WHERE d.state = 'pending') AS oldest
    FROM masterlinc.delivery d
    WHERE d.state <> 'done' AND ($1::uuid[] IS NULL OR d.organization_id = ANY ($1)) GROUP BY d.subscription
) q ON q.subscription = s.name
LEFT JOIN LATERAL (
    SELECT p.created_at, p.queued, p.finished_at FROM masterlinc.replay p
    WHERE p.subscription = s.name AND ($1::uuid[] IS NULL OR p.organizations <@ $1)
    ORDER BY p.created_at DESC LIMIT 1
) r ON true
ORDER BY s.name
"""


@dataclass(frozen=True)
class LastReplay:
    """The replay of a subscription that was asked for last."""

    asked_at: datetime
    queued: int
    finished_at: datetime | None  # when it had queued everything


@dataclass(frozen=True)
class Standing:
    """A subscription and what it has yet to take."""

    name: str
    agent: str
    event: str
    max_attempts: int
    pending: int
    parked: int
    oldest_seconds: int | None  # for how long the oldest pending delivery has waited
    replay: LastReplay | None


async def register(services: Services) -> None:
    """Write the subscriptions of the enabled agents; those that a newer version has written stay as they are."""
    agents = services.registry.agents
    rows = {
        f"{agent.name}.{one.name}": (
            f"{agent.name}.{one.name}",
            agent.name,
            event_name(one.event),
            one.max_attempts,
            agent.version,
        )
        for agent in agents
        for one in agent.subscribes
    }
    async with services.db.transaction() as transaction:
        await transaction.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        stored = await transaction.fetch(_STORED)
        theirs = newer(stored, {agent.name: agent.version for agent in agents})
        await transaction.execute(_FORGET, sorted({row["name"] for row in stored} - rows.keys() - theirs))
        await transaction.executemany(_WRITE, [rows[name] for name in sorted(rows.keys() - theirs)])


async def standing(transaction: Transaction, organizations: Iterable[UUID] | None) -> list[Standing]:
    """Return every subscription with what waits and what is parked of these organizations; None: of all."""
    scope = None if organizations is None else sorted(organizations)
    return [_standing(row) for row in await transaction.fetch(_STANDING, scope)]


def _standing(row: Any) -> Standing:
    facts = dict(row)
    last = LastReplay(facts.pop("asked_at"), facts.pop("queued"), facts.pop("finished_at"))
    return Standing(**facts, replay=last if last.asked_at is not None else None)


def event_name(event: type[Struct]) -> str:
    """Return the tag of an event type, as `claimlinc.claim_submitted.v1`."""
    tag = event.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"event {event.__name__} has no tag")
    return tag
