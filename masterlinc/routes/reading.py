"""Reading workflows for callers: what another organization has is not there, what retention has cleared is gone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from msgspec import structs

from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, Gone, Invalid, NotFound
from masterlinc.routes import workflow_queries as queries
from masterlinc.routes.submitting import PREFIX
from masterlinc.routes.workflow_queries import Filter, WorkflowRow
from masterlinc.routes.workflow_views import ENGINE, STATUSES, WorkflowSummary, WorkflowView, summary, view
from masterlinc.workflow.form import LONGEST_WAIT

T = TypeVar("T")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # of the times that a number of a workflow can hold


async def load(transaction: Transaction, workflow: UUID) -> WorkflowRow:
    """Return a workflow; raises NotFound, or Gone once retention has cleared it."""
    row = await queries.find(transaction, workflow)
    if row is None:
        raise NotFound
    if row.forgotten_at is not None:
        raise Gone(
            f"the workflow ended as {row.status}; its steps and results were kept for their time",
            f"انتهى سير العمل بالحالة {row.status} وانقضت مدة حفظ خطواته ونتائجه",
        )
    return row


def etag(row: WorkflowRow) -> str:
    """Return the tag of a workflow's state: another whenever it has moved."""
    return f'"{row.changed_at:%Y%m%d%H%M%S%f}-{row.status}"'


async def show_workflow(ctx: Context, workflow: UUID) -> tuple[WorkflowView, str]:
    """Return a workflow and its ETag; that its results were read is audited, since they may hold health data."""
    async with ctx.transaction() as transaction:
        row = await load(transaction, workflow)
        seen = view(ctx, row, await queries.steps(transaction, row))
        if seen.results:
            transaction.audit("workflow.read", "workflow", seen.workflow_id, organization_id=row.organization_id)
    return seen, etag(row)


async def list_workflows(
    ctx: Context, wanted: Filter, status: str | None, limit: int, offset: int
) -> tuple[list[WorkflowSummary], int]:
    """Return a page of workflows, the newest first, and how many there are."""
    if status is not None:
        if status not in ENGINE:
            words = ", ".join(STATUSES)
            raise _wrong("status", f"The value must be one of {words}", f"يجب أن تكون القيمة إحدى: {words}")
        states, undone = ENGINE[status]
        wanted = structs.replace(wanted, statuses=states, undone=undone)
    async with ctx.transaction(read_only=True) as transaction:
        rows, counted = await queries.listed(transaction, wanted, limit, offset)
    return [summary(row) for row in rows], counted


def moment(name: str, text: str | None) -> datetime | None:
    """Read a query parameter as a time with its zone."""
    return _read(name, text, _time, "a time such as 2026-01-31T12:00:00+03:00", "وقت مثل 2026-01-31T12:00:00+03:00")


def user(name: str, text: str | None) -> UUID | None:
    """Read a query parameter as a user's number."""
    return _read(name, text, lambda one: ids.parse("USR", one), "a number of a user, USR-…", "رقم مستخدم بصيغة USR-…")


def check_wait(seconds: float) -> None:
    """Raise Invalid for a time that nobody is kept waiting; Litestar takes no bounds of a parameter with a default."""
    if not 0 <= seconds <= LONGEST_WAIT:  # nor is it NaN
        longest = f"{LONGEST_WAIT:g}"
        raise _wrong("wait_seconds", f"Expected 0 to {longest} seconds", f"المتوقع من 0 إلى {longest} ثانية")


def workflow_id(text: str) -> UUID:
    """Read a workflow's number; raises NotFound for what is none."""
    return ids.parse(PREFIX, text)


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped arrives as a space
    if found.tzinfo is None:
        raise ValueError
    return max(found.astimezone(UTC), _BEGINNING)


def _read(name: str, text: str | None, read: Callable[[str], T], expected: str, expected_ar: str) -> T | None:
    if text is None:
        return None
    try:
        return read(text)
    except (ValueError, OverflowError, NotFound):
        raise _wrong(name, f"Expected {expected}", f"المتوقع {expected_ar}") from None


def _wrong(name: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{name}: {detail}", f"{name}: {detail_ar}", errors=[FieldError(name, "value", detail, detail_ar)])
