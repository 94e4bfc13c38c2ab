"""Dead letters: events that a subscriber could not take. Each blocks its aggregate for it until it is redriven."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from masterlinc.context import Context, Services
from masterlinc.db.transaction import Transaction
from masterlinc.events.errors import NoDeadLetter

BATCH = 1_000
PUT_OFF_BATCH = 5_000
_LATER = timedelta(minutes=2)
_FOUND = """
    SELECT d.subscription, d.event_id, d.agent, coalesce(e.name, '') AS event, d.organization_id, d.aggregate,
        d.aggregate_seq, d.attempts, d.error, e.created_at AS published_at, d.finished_at AS parked_at
    FROM masterlinc.delivery d LEFT JOIN masterlinc.event e ON e.id = d.event_id
    WHERE d.state = 'parked' AND ($1::uuid[] IS NULL OR d.organization_id = ANY ($1))
      AND ($2::text IS NULL OR d.subscription = $2) AND ($3::text IS NULL OR e.name = $3)
"""
_LIST = f"""
SELECT p.*, (
    SELECT count(*) FROM masterlinc.delivery b WHERE b.subscription = p.subscription AND b.aggregate = p.aggregate
      AND b.aggregate_seq > p.aggregate_seq AND b.state <> 'done') AS blocked
FROM ({_FOUND} ORDER BY d.finished_at DESC, d.event_id DESC LIMIT $4 OFFSET $5) p
ORDER BY p.parked_at DESC, p.event_id DESC
"""  # noqa: S608 - our own words
_COUNT = f"SELECT count(*) FROM (SELECT 1 FROM ({_FOUND}) f LIMIT 1001) c"  # noqa: S608 - a page tells no more
# From the parked ones on, each along the order of its aggregate: there are few of them, and of the others many.
_PUT_OFF = """
WITH parked AS MATERIALIZED (
    SELECT subscription, aggregate, min(aggregate_seq) AS seq FROM masterlinc.delivery
    WHERE state = 'parked' GROUP BY subscription, aggregate
), blocked AS MATERIALIZED (
    SELECT c.subscription, c.event_id FROM parked p, LATERAL (
        SELECT b.subscription, b.event_id FROM masterlinc.delivery b
        WHERE b.subscription = p.subscription AND b.aggregate = p.aggregate AND b.aggregate_seq > p.seq
          AND b.state <> 'done' AND b.state = 'pending' AND b.next_at <= now()
        ORDER BY b.aggregate_seq LIMIT $2 FOR UPDATE SKIP LOCKED
    ) c
    LIMIT $2
)
UPDATE masterlinc.delivery d SET next_at = now() + $1::interval
FROM blocked WHERE d.subscription = blocked.subscription AND d.event_id = blocked.event_id
"""
_LET_GO = """
UPDATE masterlinc.delivery c SET next_at = now()
FROM unnest($1::uuid[]) AS a (id)
WHERE c.subscription = $2 AND c.aggregate = a.id AND c.state = 'pending' AND c.attempts = 0 AND c.next_at > now()
"""
_NOW = "SELECT now()"
_REDRIVE = """
UPDATE masterlinc.delivery d SET state = 'pending', attempts = 0, next_at = now(), queued_at = now(), finished_at = NULL
FROM (
    SELECT p.subscription, p.event_id FROM masterlinc.delivery p
    WHERE p.state = 'parked' AND p.subscription = $1 AND p.finished_at <= $2
      AND ($3::uuid[] IS NULL OR p.organization_id = ANY ($3)) AND ($4::uuid IS NULL OR p.event_id = $4)
    ORDER BY p.finished_at, p.event_id LIMIT $5 FOR UPDATE
) parked
WHERE d.subscription = parked.subscription AND d.event_id = parked.event_id
RETURNING d.organization_id, d.aggregate
"""


@dataclass(frozen=True)
class DeadLetter:
    """A parked delivery; `blocked` counts the later events of its aggregate that wait for it."""

    subscription: str
    event_id: UUID
    agent: str
    event: str
    organization_id: UUID
    aggregate: UUID
    aggregate_seq: int
    attempts: int
    error: str | None
    published_at: datetime | None
    parked_at: datetime
    blocked: int


async def listed(
    transaction: Transaction,
    organizations: Iterable[UUID] | None,
    *,
    limit: int,
    offset: int = 0,
    subscription: str | None = None,
    event: str | None = None,
) -> tuple[list[DeadLetter], int]:
    """Return a page of what is parked of these organizations (None: of all), the newest first, and their number."""
    scope = None if organizations is None else sorted(organizations)
    counted = await transaction.fetchval(_COUNT, scope, subscription, event)
    rows = await transaction.fetch(_LIST, scope, subscription, event, limit, offset)
    return [DeadLetter(**dict(row)) for row in rows], counted


async def put_off(services: Services) -> bool:
    """Let what waits behind parked events not be looked at by every claim; True where there may be more of it."""
    async with services.db.connection() as connection:
        status: str = await connection.execute(_PUT_OFF, _LATER, PUT_OFF_BATCH)
    return status == f"UPDATE {PUT_OFF_BATCH}"


async def redrive(
    ctx: Context, subscription: str, *, organizations: Iterable[UUID] | None, event: UUID | None = None
) -> int:
    """Hand one parked event, or all of a subscription, to it again; raises NoDeadLetter where the one is not parked."""
    scope = None if organizations is None else sorted(organizations)
    async with ctx.transaction(read_only=True) as transaction:
        asked_at = await transaction.fetchval(_NOW)  # what is parked again meanwhile is not redriven again
    count = 0
    while True:
        batch = await _redrive_batch(ctx, subscription, asked_at, scope, event)
        count += batch
        if batch < BATCH:
            break
    if event is not None and not count:
        raise NoDeadLetter
    ctx.services.after_commit()
    return count


async def _redrive_batch(
    ctx: Context, subscription: str, asked_at: datetime, scope: list[UUID] | None, event: UUID | None
) -> int:
    async def work(transaction: Transaction) -> int:
        rows = await transaction.fetch(_REDRIVE, subscription, asked_at, scope, event, BATCH)
        await transaction.execute(_LET_GO, [row["aggregate"] for row in rows], subscription)
        for organization in sorted({row["organization_id"] for row in rows}):
            count = sum(row["organization_id"] == organization for row in rows)
            transaction.audit(
                "event.redriven",
                "subscription",
                subscription,
                organization_id=organization,
                detail={"events": str(count)} | ({"event": str(event)} if event else {}),
            )
        return len(rows)

    return await ctx.run(work)
