"""Replays a subscription from a point on: queues its deliveries anew, in order, made before or not.

A replay is a row and goes on batch by batch in any process, so a crash loses nothing. Until it has queued everything,
the subscription stands still for the organizations that it is for: a later event cannot overtake an earlier one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from masterlinc.clock import RIYADH
from masterlinc.context import Services
from masterlinc.db.transaction import Transaction
from masterlinc.events.errors import ReplayRuns, no_point, unknown_event, unknown_subscription
from masterlinc.ids import looks_like, lowest_id, new_id, parse

BATCH = 2_000
PREFIX = "EVT"
_NOTHING = UUID(int=0)

# Ids carry the clock of the process that made them, and are made before their transaction ends.
_MARGIN = timedelta(minutes=10)

_KNOWN = "SELECT EXISTS (SELECT FROM masterlinc.subscription WHERE name = $1)"
_EVENT = """
SELECT xid, aggregate_seq FROM masterlinc.event
WHERE id = $1 AND ($2::uuid[] IS NULL OR organization_id = ANY ($2))
"""
_SURELY_BEFORE = "SELECT xid FROM masterlinc.event WHERE id < $1 ORDER BY id DESC LIMIT 1"
_ASK = """
INSERT INTO masterlinc.replay (id, subscription, organizations, since, at_xid, at_seq, at_id, until_xid, asked_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id(), $8)
ON CONFLICT (subscription) WHERE finished_at IS NULL DO NOTHING RETURNING id
"""
_RUNNING = "SELECT id FROM masterlinc.replay WHERE finished_at IS NULL ORDER BY created_at"
_ADVANCE = "SELECT seen, finished FROM masterlinc.advance_replay($1, $2)"
_PROGRESS = "SELECT queued, finished_at IS NOT NULL AS finished FROM masterlinc.replay WHERE id = $1"


@dataclass(frozen=True)
class Progress:
    """How many deliveries a replay has queued, and whether these are all."""

    queued: int
    finished: bool


def point(text: str) -> datetime | UUID:
    """Read where a replay begins: a time, without a zone that of Riyadh, or an event; raises Invalid."""
    if looks_like(PREFIX, text):
        return parse(PREFIX, text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=RIYADH)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise no_point() from None


async def ask(
    transaction: Transaction,
    subscription: str,
    start: datetime | UUID,
    *,
    organizations: Iterable[UUID] | None,
    asked_by: UUID | None,
) -> UUID:
    """Ask for a replay of what was published for these organizations (None: all) from a point on; answers its id."""
    if not await transaction.fetchval(_KNOWN, subscription):
        raise unknown_subscription()
    scope = None if organizations is None else sorted(organizations)
    if isinstance(start, UUID):
        since, place = None, await _at_event(transaction, start, scope)
    else:
        since, place = start, await _before(transaction, start)
    made: UUID | None = await transaction.fetchval(_ASK, new_id(), subscription, scope, since, *place, asked_by)
    if made is None:
        raise ReplayRuns
    for organization in [None] if scope is None else scope:
        transaction.audit(
            "event.replayed",
            "subscription",
            subscription,
            organization_id=organization,
            detail={"from": start.isoformat() if isinstance(start, datetime) else str(start)},
        )
    return made


async def advance(services: Services) -> bool:
    """Go on with every replay that no other process is at, a batch each; False where there was nothing to queue."""
    went_on = False
    async with services.db.connection() as connection:
        for row in await connection.fetch(_RUNNING):
            seen, finished = await connection.fetchrow(_ADVANCE, row["id"], BATCH)
            went_on = went_on or bool(seen)
            if finished:
                services.after_commit()
    return went_on


async def progress(services: Services, replay: UUID) -> Progress:
    """Return how far a replay has come."""
    async with services.db.connection() as connection:
        return Progress(*await connection.fetchrow(_PROGRESS, replay))


Place = tuple[int, int, UUID]  # what comes after it in the order of all events is replayed


async def _at_event(transaction: Transaction, event: UUID, scope: list[UUID] | None) -> Place:
    row = await transaction.fetchrow(_EVENT, event, scope)
    if row is None:
        raise unknown_event()
    return row["xid"], row["aggregate_seq"], UUID(int=event.int - 1)


async def _before(transaction: Transaction, moment: datetime) -> Place:
    """A place before everything that was published since a moment: transactions are numbered as they begin to write."""
    try:
        before = lowest_id(moment - _MARGIN)
    except (ValueError, OverflowError):  # before 1970 there are no ids
        before = _NOTHING
    return await transaction.fetchval(_SURELY_BEFORE, before) or 0, 0, _NOTHING
