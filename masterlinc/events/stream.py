"""Events for consumers outside, as a Redis stream: at least once, in the order of commits.

PostgreSQL is the truth: the row of the stream says up to where it was written, and Redis is compared with it at every
write. A write goes in only behind the entry that we wrote last, so a former writer cannot slip in between. Where Redis
has lost entries, they are written again: from its last one on, or as many as it holds where it holds none.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError, WatchError

from masterlinc.context import Services
from masterlinc.ids import new_id
from masterlinc.observe.logs import logger

BATCH = 500
Place = tuple[int, int, UUID]  # of an event in the order of all: xid, aggregate_seq, id
_NO_ID = UUID(int=0)
_START: Place = (0, 0, _NO_ID)

# What an entry holds, as the document of the events describes it.
ENTRY: dict[str, Any] = {
    "type": "object",
    "description": "The fields of an entry beside its payload",
    "required": ["id", "name", "organization_id", "aggregate", "aggregate_seq", "created_at"],
    "properties": {
        "id": {"type": "string", "format": "uuid", "description": "The event; the same one may come twice"},
        "name": {"type": "string", "description": "The type of the event and its version"},
        "organization_id": {"type": "string", "format": "uuid", "description": "Whose event it is"},
        "aggregate": {"type": "string", "format": "uuid", "description": "What it happened to"},
        "aggregate_seq": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Its place in the aggregate"},
        "created_at": {"type": "string", "format": "date-time", "description": "When it happened"},
    },
}
FIELDS = ("id", "name", "organization_id", "aggregate", "aggregate_seq", "created_at", "payload")

_MAKE = """
INSERT INTO masterlinc.stream (name, at_xid, at_seq, at_id, entry) VALUES ($1, '0', 0, $2, '') ON CONFLICT DO NOTHING
"""
_LEASE = """
UPDATE masterlinc.stream SET leased_until = now() + $3::interval, lease_owner = $2,
    fence = fence + CASE WHEN lease_owner = $2 THEN 0 ELSE 1 END
WHERE name = $1 AND (lease_owner = $2 OR leased_until < now()) RETURNING fence, at_xid, at_seq, at_id, entry
"""
_EVENTS = """
SELECT xid, aggregate_seq, id, name, organization_id, aggregate, payload,
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at
FROM masterlinc.event
WHERE (xid, aggregate_seq, id) > ($1::xid8, $2::bigint, $3::uuid) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, aggregate_seq, id LIMIT $4
"""
_KEEP = """
UPDATE masterlinc.stream SET at_xid = $3, at_seq = $4, at_id = $5, entry = $6, sent = sent + $7, changed_at = now()
WHERE name = $1 AND fence = $2 RETURNING 1
"""
_PLACE = "SELECT xid, aggregate_seq, id FROM masterlinc.event WHERE id = $1"
_FULL = """
SELECT xid, aggregate_seq, id FROM masterlinc.event WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid DESC, aggregate_seq DESC, id DESC OFFSET $1 LIMIT 1
"""
_GIVE_UP = "UPDATE masterlinc.stream SET leased_until = '-infinity', lease_owner = NULL WHERE name = $1 AND fence = $2"


@dataclass(frozen=True)
class Turn:
    """The right to write the stream for now, and up to where it was written."""

    fence: int
    place: Place
    entry: str  # the last entry, as Redis numbers it; empty: there is none
    compared: bool  # with what Redis holds


class Stream:
    """One process's part in writing the stream: a lease in PostgreSQL says whose turn it is."""

    def __init__(self, services: Services, redis: Redis) -> None:
        self._services, self._redis, self._owner = services, redis, new_id()
        self._name = services.settings.redis.stream
        self._length = services.settings.redis.stream_length
        self._turn: Turn | None = None
        self._look_at = 0.0

    async def step(self) -> bool:
        """Write the next events, if it is this process's turn; False where there is nothing more for now."""
        try:
            return await self._step()
        except RedisError:  # another process may still come to it
            await self.give_up()
            raise

    async def _step(self) -> bool:
        fresh = time.monotonic() >= self._look_at
        if fresh:
            self._turn = await self._take()
        turn = self._turn
        if turn is None:
            return False
        events = await self._read(turn.place) if turn.compared else []
        if turn.compared and not (events or fresh):  # Redis is asked now and then whether it still has everything
            return False
        written, last = await self._write(turn.entry, events)
        if not (written and turn.compared):
            return await self._adopt(turn, last)
        if not events:
            return False
        end = replace(turn, place=_place(events[-1]), entry=last)
        return await self._keep(end, len(events)) and len(events) == BATCH

    async def give_up(self) -> None:
        """Let another process go on at once."""
        turn, self._turn, self._look_at = self._turn, None, 0.0
        if turn is not None:
            async with self._services.db.connection() as connection:
                await connection.execute(_GIVE_UP, self._name, turn.fence)

    async def _take(self) -> Turn | None:
        """Take or keep the lease; None while another process has it."""
        seconds = self._services.settings.engine.lease_seconds
        asked = self._name, self._owner, timedelta(seconds=seconds)
        async with self._services.db.connection() as connection:
            row = await connection.fetchrow(_LEASE, *asked)
            if row is None and await connection.execute(_MAKE, self._name, _NO_ID) == "INSERT 0 1":
                row = await connection.fetchrow(_LEASE, *asked)
        self._look_at = time.monotonic() + seconds / (4 if row is None else 2)
        if row is None:
            return None
        fence, *place, entry = row
        known = self._turn is not None and self._turn.fence == fence and self._turn.compared
        return Turn(fence, (place[0], place[1], place[2]), entry, compared=known or bool(entry))

    async def _read(self, place: Place) -> list[Any]:
        async with self._services.db.connection() as connection:
            return list(await connection.fetch(_EVENTS, *place, BATCH))

    async def _write(self, behind: str, events: list[Any]) -> tuple[bool, str]:
        """Add events behind an entry, all or none; False with the entry that is really the last one."""
        pipe: Any  # its commands answer at once until MULTI, and then the pipeline itself
        async with self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(self._name)
            last = await self._last(pipe)
            if last != behind or not events:
                return last == behind, last
            pipe.multi()
            for event in events:
                pipe.xadd(self._name, {name: str(event[name]) for name in FIELDS}, maxlen=self._length)
            try:
                return True, str((await pipe.execute())[-1])
            except WatchError:
                return False, await self._last(self._redis)

    async def _last(self, redis: Any) -> str:
        """Return the number of the last entry that there ever was; empty where there is no stream."""
        try:
            return str((await redis.xinfo_stream(self._name))["last-generated-id"])
        except ResponseError as fault:
            if "no such key" in str(fault):
                return ""
            raise

    async def _keep(self, turn: Turn, sent: int) -> bool:
        """Write down up to where the stream was written; False where another process has taken over."""
        async with self._services.db.connection() as connection:
            kept = await connection.fetchval(_KEEP, self._name, turn.fence, *turn.place, turn.entry, sent)
        self._turn = turn if kept else None
        return bool(kept)

    async def _adopt(self, turn: Turn, last: str) -> bool:
        """Go on from what Redis really holds: it lost entries, or has some that were not written down here."""
        held = await self._held()
        if held is None:
            ahead = turn.entry and _number(last) > _number(turn.entry)
            place = turn.place if ahead else await self._place_of_full()
        else:
            place = held if not turn.entry or _number(last) < _number(turn.entry) else max(held, turn.place)
        logger.warning("stream_compared", reason=f"{turn.entry or 'nothing'} -> {last or 'nothing'}")
        return await self._keep(replace(turn, place=place, entry=last, compared=True), 0)

    async def _held(self) -> Place | None:
        """Return the place of the last event that the stream holds."""
        newest: Any = await self._redis.xrevrange(self._name, count=1)
        try:
            event = UUID(newest[0][1]["id"])
        except (IndexError, KeyError, ValueError):  # empty, or somebody else wrote into it
            return None
        async with self._services.db.connection() as connection:
            row = await connection.fetchrow(_PLACE, event)
        return None if row is None else _place(row)

    async def _place_of_full(self) -> Place:
        """Return the place behind which there are as many events as the stream holds."""
        async with self._services.db.connection() as connection:
            row = await connection.fetchrow(_FULL, self._length)
        return _START if row is None else _place(row)


def _place(row: Any) -> Place:
    return row["xid"], row["aggregate_seq"], row["id"]


def _number(entry: str) -> tuple[int, ...]:
    """Read a number that Redis gave an entry, so that numbers can be compared."""
    return tuple(int(part) for part in entry.split("-")) if entry else ()
