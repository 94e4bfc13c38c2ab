"""Audit rows of what was refused: written beside the request and counted, so a flood fills neither memory nor table.

The first refusal of a kind is written within a second; those that follow it within a minute become one row with their
number. A kind is who was refused, from where, on which route and why.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from masterlinc.beside import beside
from masterlinc.clock import Clock
from masterlinc.db import FAULTS, Database
from masterlinc.errors import DomainError
from masterlinc.http.address import Network, client_address
from masterlinc.http.trace import trace_id
from masterlinc.ids import new_id
from masterlinc.observe.logs import logger
from masterlinc.wire import dump

ACTION = "http.refused"
MOST_KINDS = 1024  # in a process; whoever comes from a thousand addresses is told as one
_STATUSES = frozenset({401, 403, 404, 429})
_WINDOW = timedelta(minutes=1)
_SECONDS_BETWEEN = 0.5
_INSERT = """
INSERT INTO masterlinc.audit_event (id, organization_id, actor_id, actor_kind, session_id, trace_id, action, resource,
    resource_id, outcome, detail, address, purpose, actor_organization_id)
SELECT id, organization_id, actor_id, actor_kind, session_id, trace_id, $2, 'route', route, 'refused', detail, address,
    'operations', organization_id
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, organization_id uuid, actor_id uuid, actor_kind text, session_id uuid,
    trace_id text, route text, detail jsonb, address text)
"""

Note = Callable[[Any, DomainError], None]


class Kind(Struct, frozen=True):
    """What is counted together."""

    organization_id: UUID | None
    actor_id: UUID | None
    actor_kind: str
    session_id: UUID | None
    address: str
    route: str
    status: int
    code: str


@dataclass
class _Tally:
    trace_id: str  # of the first that is not written yet
    count: int = 0
    written_at: datetime | None = None


class _Row(Struct, frozen=True):
    id: UUID
    organization_id: UUID | None
    actor_id: UUID | None
    actor_kind: str
    session_id: UUID | None
    trace_id: str
    route: str
    detail: dict[str, str]
    address: str


class Refusals:
    """What was refused in this process and is not written yet."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._tallies: dict[Kind, _Tally] = {}
        self._failed = False

    def note(self, kind: Kind, trace: str) -> None:
        """Count a refusal; takes no time and never raises."""
        tally = self._tallies.get(kind)
        if tally is None and len(self._tallies) >= MOST_KINDS:
            kind = Kind(None, None, "anonymous", None, "", "", kind.status, kind.code)
            tally = self._tallies.get(kind)
        if tally is None:
            tally = self._tallies[kind] = _Tally(trace)
        elif tally.count == 0:
            tally.trace_id = trace
        tally.count += 1

    async def flush(self, *, everything: bool = False) -> None:
        """Write the kinds that are new, and those whose minute is over; what cannot be written now is kept."""
        now = self._clock.now()
        due = {kind: tally for kind, tally in self._tallies.items() if everything or _is_due(tally, now)}
        told = [(kind, tally, tally.count) for kind, tally in due.items() if tally.count]
        if told:
            rows = dump([_row(kind, tally) for kind, tally, _ in told])
            async with self._db.connection() as connection:
                await connection.execute(_INSERT, rows, ACTION)
            for _, tally, count in told:
                tally.count -= count  # more may have come meanwhile
                tally.written_at = now
        for kind in due.keys() - {kind for kind, _, _ in told}:
            del self._tallies[kind]

    async def keep_on(self) -> None:
        """Write now and then, and again after a fault."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN)
            await self.try_to_flush()

    async def try_to_flush(self, *, everything: bool = False) -> None:
        """Write what is due; a fault is told once an outage."""
        try:
            await self.flush(everything=everything)
            self._failed = False
        except FAULTS as fault:
            if not self._failed:
                logger.fault("refusals not audited yet", fault)
            self._failed = True


def noting(refusals: Refusals, trusted: tuple[Network, ...]) -> Note:
    """Return what is told of every error that is answered over HTTP."""

    def note(scope: Any, error: DomainError) -> None:
        if error.status not in _STATUSES:
            return
        who = scope.get("user")
        known = who is not None
        kind = Kind(
            organization_id=who.organization_id if known else None,
            actor_id=who.user_id if known else None,
            actor_kind=who.kind if known else "anonymous",
            session_id=who.session_id if known else None,
            address=client_address(scope, trusted),
            route=f"{scope['method']} {scope['path_template']}" if scope.get("path_template") else "",
            status=error.status,
            code=error.code,
        )
        refusals.note(kind, trace_id(scope))

    return note


@asynccontextmanager
async def writing(refusals: Refusals) -> AsyncIterator[None]:
    """Write them while the block runs, and all that are left at its end."""
    try:
        async with beside(refusals.keep_on(), "audit-refusals"):
            yield
    finally:
        await refusals.try_to_flush(everything=True)


def _is_due(tally: _Tally, now: datetime) -> bool:
    return tally.written_at is None or now - tally.written_at >= _WINDOW


def _row(kind: Kind, tally: _Tally) -> _Row:
    return _Row(
        id=new_id(),
        organization_id=kind.organization_id,
        actor_id=kind.actor_id,
        actor_kind=kind.actor_kind,
        session_id=kind.session_id,
        trace_id=tally.trace_id,
        route=kind.route,
        detail={"code": kind.code, "status": str(kind.status), "count": str(tally.count)},
        address=kind.address,
    )
