"""Sessions that ended before their tokens did: a set in memory, and the table that it follows."""

from datetime import datetime, timedelta
from uuid import UUID

from masterlinc.db import Database, Transaction

_REVOKE = """
INSERT INTO masterlinc.revoked_session (session_id, expires_at)
SELECT session, $2 FROM unnest($1::uuid[]) AS session ON CONFLICT (session_id) DO NOTHING"""

# A row is seen at its commit, not when it is written: so the next look starts at the oldest transaction still open.
_NEWS = """
SELECT session_id, expires_at, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next
FROM (SELECT 1) AS always
LEFT JOIN masterlinc.revoked_session ON xid >= $1::text::xid8 AND expires_at > $2"""

_KEPT = timedelta(minutes=10)  # clocks of other processes may be behind
_PURGE = "DELETE FROM masterlinc.revoked_session WHERE expires_at < $1"


class Revocations:
    """The revoked sessions whose tokens have not yet expired by themselves."""

    def __init__(self) -> None:
        self._until: dict[UUID, datetime] = {}
        self._next = 0

    def __contains__(self, session_id: UUID) -> bool:
        return session_id in self._until

    def __len__(self) -> int:
        return len(self._until)

    def add(self, session_id: UUID, until: datetime) -> None:
        """Refuse a session's tokens from now on, in this process."""
        self._until[session_id] = until

    async def revoke(self, transaction: Transaction, sessions: list[UUID], until: datetime) -> None:
        """Refuse these sessions' tokens everywhere after the commit; `until` is past the expiry of the last of them."""
        if sessions:
            await transaction.execute(_REVOKE, sessions, until)
            transaction.on_commit(lambda: self._until.update(dict.fromkeys(sessions, until)))

    async def follow(self, database: Database, now: datetime) -> None:
        """Read what was revoked since the last time; forget what has expired."""
        async with database.transaction() as transaction:
            rows = await transaction.fetch(_NEWS, str(self._next), now)
        self._next = rows[0]["next"]
        self._until.update((row["session_id"], row["expires_at"]) for row in rows if row["session_id"])
        for session_id in [known for known, until in self._until.items() if until < now]:
            del self._until[session_id]


async def purge(database: Database, now: datetime) -> None:
    """Delete the rows that no token can need any more."""
    async with database.transaction() as transaction:
        await transaction.execute(_PURGE, now - _KEPT)
