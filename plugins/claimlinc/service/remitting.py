"""Remittance advices: what a payer sent, as its provider reads it, claim by claim and line by line, also as CSV."""

import csv
import io
from collections import defaultdict
from typing import Any
from uuid import UUID

from claimlinc import payment_queries, remittance_queries
from claimlinc.remittance_schemas import RemittanceDetail, RemittancePage, RemittanceView, RemittedClaim, RemittedLine
from claimlinc.service.paying import COUNTED, PREFIX
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound
from masterlinc.money import Money, Quantity, money

_CLAIM = ("claim_number", "claim_id", "kind", "reason", "payment", "early_fee", "nphies_fee", "amount")
_LINE = ("sequence", "outcome", "billed", "paid", "patient_share", "adjusted", "denial_code", "reason", "reason_ar")
_HEAD = ("remittance_id", *_CLAIM, *(f"line_{name}" for name in _LINE))
_FORMULA = frozenset("=+-@\t\r")  # how a spreadsheet knows a formula


async def list_remittances(ctx: Context, page: int, limit: int, offset: int) -> RemittancePage:
    """Return a page of what payers sent to the provider, the newest first."""
    provider = ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as tx:
        rows = await remittance_queries.remittances(tx, provider, limit, offset)
        counted = await remittance_queries.count_remittances(tx, provider, COUNTED + 1)
    return RemittancePage([_view(row) for row in rows], min(counted, COUNTED), page, limit, counted <= COUNTED)


async def show(ctx: Context, reference: str) -> RemittanceDetail:
    """Return a remittance with its claims and their lines; raises NotFound."""
    provider, batch_id = ctx.principal.organization_id, ids.parse(PREFIX, reference)
    async with ctx.transaction() as tx:
        row = await remittance_queries.remittance(tx, provider, batch_id)
        if row is None:
            raise NotFound
        tx.audit("remittance.read", "payment_batch", reference, organization_id=provider)
        details = await _claims(tx, provider, row["organization_id"], batch_id)
    head = _view(row)
    return RemittanceDetail(**{name: getattr(head, name) for name in head.__struct_fields__}, details=details)


async def download(ctx: Context, reference: str) -> bytes:
    """Return a remittance as CSV, a row for each line of each claim; a claim without lines has a row of its own."""
    shown = await show(ctx, reference)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    for claim in shown.details:
        about = [getattr(claim, name) for name in _CLAIM]
        for line in claim.lines or (None,):
            values = [getattr(line, name) if line else "" for name in _LINE]
            writer.writerow([_cell(value) for value in (shown.remittance_id, *about, *values)])
    return out.getvalue().encode("utf-8-sig")  # with the mark by which spreadsheets know Arabic


def _cell(value: object) -> object:
    """Return what stands in a cell: a text never begins as a formula does."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


async def _claims(tx: Transaction, provider: UUID, payer: UUID, batch_id: UUID) -> list[RemittedClaim]:
    decided: dict[UUID, list[RemittedLine]] = defaultdict(list)
    for row in await remittance_queries.decided_lines(tx, payer, batch_id):
        decided[row["decision_id"]].append(_line(row))
    numbers = await remittance_queries.claims_of(tx, provider, payer, batch_id)
    found = []
    for row in await payment_queries.lines_of(tx, payer, batch_id):
        claim_id = numbers.get((row["identifier_system"], row["identifier_value"]))
        ended = row["reason"] in {"replaced", "cancelled"}
        found.append(
            RemittedClaim(
                claim_number=row["identifier_value"],
                claim_id=ids.show("CLM", claim_id) if claim_id else None,
                entitled=Money(row["entitled"]),
                paid_before=Money(row["paid_before"]),
                replaced_by=row["replaced_by"] if row["reason"] == "replaced" else None,
                lines=[] if ended else decided[row["decision_id"]],
                **{name: row[name] for name in ("kind", "reason", "payment", "early_fee", "nphies_fee", "amount")},
            )
        )
    return found


def _line(row: Any) -> RemittedLine:
    paid, patient = Money(row["payer_share"]), Money(row["patient_share"])
    return RemittedLine(
        sequence=row["sequence"],
        outcome=row["outcome"],
        billed=Money(row["billed"]),
        paid=paid,
        patient_share=patient,
        adjusted=money(row["billed"] - paid - patient),
        approved_quantity=Quantity.parse(row["approved_quantity"]),
        denial_code=row["denial_code"],
        reason=row["reason"],
        reason_ar=row["reason_ar"],
    )


def _view(row: Any) -> RemittanceView:
    same = ("state", "claims", "payment", "early_fee", "nphies_fee", "sent_at", "paid_on", "bank_reference")
    return RemittanceView(
        remittance_id=ids.show(PREFIX, row["id"]),
        payer_id=ids.show("ORG", row["organization_id"]),
        amount=Money(row["amount"]),
        **{name: row[name] for name in same},
    )
