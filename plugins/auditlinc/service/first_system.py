"""The newest rows under the names that the first system gave their fields."""

import json
from typing import Any

from msgspec import UNSET

from auditlinc import queries
from auditlinc.contract import PREFIX
from auditlinc.schemas import FirstSystemEvent, FirstSystemList, ReportForm
from auditlinc.service.reporting import opened
from auditlinc.service.search import Filter, actor_id, find_rows
from masterlinc import ids, wire
from masterlinc.context import Context


async def list_events(ctx: Context, limit: int) -> FirstSystemList:
    """Return the newest rows; an event that the caller's organization reported is shown as it was reported."""
    rows, _ = await find_rows(ctx, Filter(page_size=limit))
    async with ctx.transaction() as tx:
        reports = await queries.reports(tx, [row["id"] for row in rows])
        if reports:
            tx.audit("audit.read_report", "audit", "", organization_id=ctx.principal.organization_id)
    events = [_ours(row) if row["id"] not in reports else _theirs(row, opened(ctx, reports[row["id"]])) for row in rows]
    return FirstSystemList(events, len(events))


def _theirs(row: Any, form: ReportForm) -> FirstSystemEvent:
    return FirstSystemEvent(
        event_id=form.event_id,
        timestamp=row["at"],
        action=form.action,
        resource_type=form.resource_type,
        resource_id=form.resource_id,
        actor_id=form.actor_id,
        actor_role=form.actor_role,
        outcome=form.outcome,
        details=None if form.details is UNSET else wire.tree(bytes(form.details)),
    )


def _ours(row: Any) -> FirstSystemEvent:
    return FirstSystemEvent(
        event_id=ids.show(PREFIX, row["id"]),
        timestamp=row["at"],
        action=row["action"],
        resource_type=row["resource"],
        resource_id=row["resource_id"],
        actor_id=actor_id(row),
        actor_role=row["actor_kind"],
        outcome=row["outcome"],
        details=json.loads(row["detail"]),
    )
