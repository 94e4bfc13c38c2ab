"""The audit as it is read: every query is led by an index that row-level security does not stand in the way of."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from masterlinc.db import Transaction
from masterlinc.ids import lowest_id

MOST_VIEWERS = 500
_SLACK = timedelta(minutes=5)  # a row's id is made a little before or after its time
_EVERYWHERE = "SELECT set_config('masterlinc.audit', 'everywhere', true)"
_COLUMNS = """e.id, e.organization_id, e.at, e.actor_id, e.actor_kind, e.actor_organization_id, e.session_id,
    e.trace_id, e.action, e.resource, e.resource_id, e.patient, e.outcome, e.detail::text AS detail, e.address,
    e.purpose,
    e.erased IS NOT NULL AS erased"""
_BY_PATIENT = "masterlinc.audit_patient p JOIN masterlinc.audit_event e ON e.id = p.event_id"
_VIEWERS = f"""
SELECT e.actor_id, e.actor_kind, e.actor_organization_id, e.organization_id, count(*) AS events, min(e.at) AS first_at,
    max(e.at) AS last_at, array_agg(DISTINCT e.action) AS actions, array_agg(DISTINCT e.purpose) AS purposes
FROM {_BY_PATIENT} WHERE p.patient = $1
GROUP BY 1, 2, 3, 4 ORDER BY last_at DESC LIMIT $2
"""  # noqa: S608 - our own names
_REPORT = """
INSERT INTO auditlinc.reported (organization_id, event_key, content, event_id, sealed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organization_id, event_key) DO NOTHING
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows are asked for."""

    organizations: frozenset[UUID] | None  # None: of every organization
    patient: UUID | None = None
    actor: UUID | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    outcome: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None
    limit: int = 50


async def look_everywhere(tx: Transaction) -> None:
    """Let this transaction read the audit of every organization."""
    await tx.execute(_EVERYWHERE)


async def events(tx: Transaction, wanted: Wanted) -> list[Any]:
    """Return the rows, the newest first."""
    arguments: list[Any] = []
    conditions = [condition.format(_next(arguments, value)) for condition, value in _conditions(wanted)]
    key = "p.event_id" if wanted.patient else "e.id"
    return await tx.fetch(
        f"SELECT {_COLUMNS} FROM {_BY_PATIENT if wanted.patient else 'masterlinc.audit_event e'}"  # noqa: S608
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY {key} DESC LIMIT {_next(arguments, wanted.limit)}",
        *arguments,
    )


async def viewers(tx: Transaction, patient: UUID) -> list[Any]:
    """Return who looked at a patient, the latest first, one more than are shown."""
    return await tx.fetch(_VIEWERS, patient, MOST_VIEWERS + 1)


class Report(Struct, frozen=True):
    """An event of another system as it is kept: which row of the audit it is, and what was sent, sealed."""

    organization_id: UUID
    event_key: bytes
    content: bytes
    event_id: UUID
    sealed: bytes


async def report(tx: Transaction, made: Report) -> bool:
    """Keep an event; False where one was reported under this key before."""
    return await tx.execute(_REPORT, *structs.astuple(made)) == "INSERT 0 1"


async def reported(tx: Transaction, organization: UUID, key: bytes) -> bytes:
    """Return what was reported under a key, as its digest."""
    query = "SELECT content FROM auditlinc.reported WHERE organization_id = $1 AND event_key = $2"
    return bytes(await tx.fetchval(query, organization, key))


async def reports(tx: Transaction, events: Iterable[UUID]) -> dict[UUID, Any]:
    """Return what was reported of these rows, as far as it is in the transaction's scope."""
    query = "SELECT event_id, organization_id, sealed FROM auditlinc.reported WHERE event_id = ANY ($1)"
    return {row["event_id"]: row for row in await tx.fetch(query, [*events])}


def _next(arguments: list[Any], value: Any) -> str:
    arguments.append(value)
    return f"${len(arguments)}"


def _conditions(wanted: Wanted) -> Iterable[tuple[str, Any]]:
    if wanted.organizations is not None:
        yield "e.organization_id = ANY ({})", sorted(wanted.organizations)
    exact = {
        "p.patient": wanted.patient,
        "e.actor_id": wanted.actor,
        "e.action": wanted.action,
        "e.resource": wanted.resource_type,
        "e.resource_id": wanted.resource_id,
        "e.outcome": wanted.outcome,
    }
    yield from ((f"{column} = {{}}", value) for column, value in exact.items() if value is not None)
    if wanted.purpose is not None:  # a grant's number follows that of an emergency
        column = "e.purpose" if ":" in wanted.purpose else "split_part(e.purpose, ':', 1)"
        yield f"{column} = {{}}", wanted.purpose
    yield from _bounds(wanted, "p.event_id" if wanted.patient else "e.id")


def _bounds(wanted: Wanted, key: str) -> Iterable[tuple[str, Any]]:
    """Bound time by the key as well, which is what partitions and indexes are ordered by."""
    if wanted.since is not None:
        yield f"{key} >= {{}}", lowest_id(wanted.since - _SLACK)
        yield "e.at >= {}", wanted.since
    if wanted.until is not None:
        yield f"{key} < {{}}", lowest_id(wanted.until + _SLACK)
        yield "e.at < {}", wanted.until
    if wanted.before is not None:
        yield f"{key} < {{}}", wanted.before
