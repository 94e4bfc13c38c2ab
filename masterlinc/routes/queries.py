"""What MasterLinc's own routes ask of the database: how much work each agent has."""

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from masterlinc.db.transaction import Transaction

_MOST = 1_000  # counted; a queue beyond is a long one
# Each branch walks an index of what is leased or due: a million timers that wait cost nothing here.
_LOADS = f"""
SELECT one.agent,
    (SELECT count(*) FROM (SELECT FROM masterlinc.workflow w
        WHERE w.lease_owner IS NOT NULL AND w.agent = one.agent LIMIT {_MOST}) x)
    + (SELECT count(*) FROM (SELECT FROM masterlinc.delivery d
        WHERE d.lease_owner IS NOT NULL AND d.state = 'pending' AND d.agent = one.agent AND d.next_at > now()
        LIMIT {_MOST}) x) AS running,
    (SELECT count(*) FROM generate_series(0, 2) AS rank (urgency), LATERAL (SELECT FROM masterlinc.workflow w
        WHERE w.lease_owner IS NULL AND w.status IN ('running', 'waiting', 'undoing') AND w.agent = one.agent
            AND w.urgency = rank.urgency AND w.wake_at <= now() LIMIT {_MOST}) x)
    + (SELECT count(*) FROM (SELECT FROM masterlinc.delivery d
        WHERE d.state = 'pending' AND d.agent = one.agent AND d.next_at <= now() LIMIT {_MOST}) x) AS queued,
    u.messages AS unread
FROM unnest($1::text[]) AS one (agent) JOIN masterlinc.unread($1, {_MOST}) AS u ON u.agent = one.agent
"""  # noqa: S608 - our own number


class Load(Struct, frozen=True):
    """What an agent works on now, what is due and waits for a process, and what lies unread in its inboxes."""

    running: int
    queued: int
    unread: int


async def loads(transaction: Transaction, agents: Collection[str]) -> dict[str, Load]:
    """Return the load of each agent, counted as far as it says something."""
    rows: list[Any] = await transaction.fetch(_LOADS, [*agents])
    return {row["agent"]: Load(row["running"], row["queued"], row["unread"]) for row in rows}
