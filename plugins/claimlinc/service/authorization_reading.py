"""Authorizations as they are shown to either side; each that is shown leaves an audit row of its payer's."""

from typing import Any

from claimlinc import authorization_queries as queries
from claimlinc.authorization_schemas import (
    AuthorizationDetail,
    AuthorizationStatus,
    AuthorizationView,
    AuthorizedLineView,
    EntryView,
)
from claimlinc.contract import Coding
from claimlinc.errors import NotTheProvider
from claimlinc.service import clocks
from claimlinc.service.authorizing import PREFIX, audit
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.money import Quantity, money

COUNTED = 1000  # totals are exact to here
_MOST_ENTRIES = 500
_SAME = AuthorizationView.__struct_fields__


async def show_authorization(ctx: Context, reference: str) -> AuthorizationDetail:
    """Return an authorization that the caller may see, as its payer or its provider; raises NotFound."""
    async with ctx.transaction() as tx:
        head = await queries.seen(tx, ids.parse(PREFIX, reference))
        if head is None:
            raise NotFound
        audit(tx, head, "authorization.read", AuthorizationStatus(head["status"]))
        return await detail(ctx, tx, head)


async def list_authorizations(
    ctx: Context, status_filter: str | None, *, limit: int, offset: int
) -> tuple[list[AuthorizationView], int]:
    """Return a page of the authorizations that the caller may see, and their number, counted to 1,001."""
    status = _status(status_filter)
    async with ctx.transaction() as tx:
        heads = await queries.seen_page(tx, status, limit, offset)
        counted = await queries.count_seen(tx, status, COUNTED + 1)
        for head in heads:
            audit(tx, head, "authorization.list", AuthorizationStatus(head["status"]))
    return [_view(head) for head in heads], counted


async def provided(ctx: Context, tx: Transaction, reference: str) -> Any:
    """Return an authorization that is for the caller's organization; raises NotFound, NotTheProvider."""
    head = await queries.seen(tx, ids.parse(PREFIX, reference))
    if head is None:
        raise NotFound
    if head["provider_organization_id"] not in ctx.principal.organizations:
        raise NotTheProvider
    return head


async def detail(ctx: Context, tx: Transaction, head: Any) -> AuthorizationDetail:
    """Return an authorization with its lines and entries, as the open transaction's organizations see it."""
    payer = head["organization_id"]
    rows = await queries.lines(tx, payer, [head["id"]])
    entries = await queries.history(tx, payer, head["id"], _MOST_ENTRIES)
    granted = next((one["source_id"] for one in reversed(entries) if one["kind"] == "grant"), None)
    view = _view(head)
    return AuthorizationDetail(
        **{name: getattr(view, name) for name in _SAME},
        member_id=ids.show("MBR", head["member_id"]) if payer in tx.organizations else None,
        clock=await clocks.of_decision(ctx, tx, granted) if granted else None,
        lines=[_line(row) for row in rows],
        entries=[
            EntryView(
                one["kind"],
                one["posted_at"],
                one["sequence"],
                Quantity.parse(one["quantity"]),
                money(one["amount"]),
            )
            for one in entries
        ],
    )


def _view(head: Any) -> AuthorizationView:
    provider = head["provider_organization_id"]
    return AuthorizationView(
        authorization_id=ids.show(PREFIX, head["id"]),
        status=AuthorizationStatus(head["status"]),
        status_at=head["status_at"],
        valid_from=head["valid_from"],
        valid_to=head["valid_to"],
        provider_id=head["provider_license"] or (ids.show("ORG", provider) if provider else None),
        payer_id=ids.show("ORG", head["organization_id"]),
        claim_number=head["identifier_value"],
    )


def _line(row: Any) -> AuthorizedLineView:
    return AuthorizedLineView(
        sequence=row["sequence"],
        codes=wire.load(row["codes"], tuple[Coding, ...]),
        benefit=row["benefit"],
        quantity_granted=Quantity.parse(row["quantity_granted"]),
        quantity_used=Quantity.parse(row["quantity_used"]),
        quantity_left=Quantity.parse(row["quantity_granted"] - row["quantity_used"]),
        amount_granted=money(row["amount_granted"]),
        amount_used=money(row["amount_used"]),
        amount_left=money(row["amount_granted"] - row["amount_used"]),
    )


def _status(text: str | None) -> str | None:
    if not text or text in {status.value for status in AuthorizationStatus}:
        return text or None
    known = ", ".join(status.value for status in AuthorizationStatus)
    error = FieldError("status_filter", "choice", f"One of {known} is expected", f"القيم المسموح بها: {known}")
    raise Invalid(f"status_filter: {error.detail}", f"status_filter: {error.detail_ar}", errors=[error])
