"""Remittance, bank line and claim side by side: what names the remittance or is alone with its amount is matched.

A bank line is matched once; a remittance may be paid by several. Whoever matches for a provider does so alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from claimlinc import queries, remittance_queries
from claimlinc.errors import BankLineMatched, BankLineNotMatched
from claimlinc.remittance_schemas import (
    BankLineView,
    Matched,
    MatchForm,
    ReconciledClaim,
    ReconciledRemittance,
    Reconciliation,
)
from claimlinc.service.paying import PREFIX
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.money import Money, money

BANK = "BNK"
_MOST = 1_000  # of each kind that one look matches or shows


async def wait_for_turn(tx: Transaction, provider: UUID) -> None:
    """Match for a provider alone until the transaction ends."""
    await queries.wait_for_turn(tx, f"claimlinc.matching/{provider}")


async def run(ctx: Context) -> Matched:
    """Match what belongs together."""
    async with ctx.transaction() as tx:
        await wait_for_turn(tx, ctx.principal.organization_id)
        return Matched(await match_all(ctx, tx))


async def match_all(ctx: Context, tx: Transaction) -> int:
    """Match bank lines that name their remittance, then those whose amount only one of both sides has."""
    provider = ctx.principal.organization_id
    lines = await remittance_queries.unmatched(tx, provider, _MOST)
    waiting = {row["id"]: row for row in await remittance_queries.waiting(tx, provider, _MOST)}
    left, made = [], 0
    for line in lines:
        named = [row for row in waiting.values() if _names(line["reference"], row)]
        if len(named) == 1:
            made += await _match(ctx, tx, line["id"], named[0], "reference")
            waiting[named[0]["id"]] = {**named[0], "received": named[0]["received"] + line["amount"]}
        elif not named:
            left.append(line)
    for line, row in _pairs(left, (row for row in waiting.values() if row["received"] < row["amount"])):
        made += await _match(ctx, tx, line["id"], row, "amount")
    return made


async def match(ctx: Context, reference: str, form: MatchForm) -> ReconciledRemittance:
    """Match a bank line with a remittance by hand; raises NotFound, Invalid, BankLineMatched."""
    provider = ctx.principal.organization_id
    batch_id = ids.parse(PREFIX, reference)
    if not ids.looks_like(BANK, form.bank_line_id):
        raise Invalid(errors=[_unknown_line()])
    line_id = ids.parse(BANK, form.bank_line_id)
    async with ctx.transaction() as tx:
        await wait_for_turn(tx, provider)
        row = await remittance_queries.remittance(tx, provider, batch_id)
        line = await remittance_queries.bank_line(tx, provider, line_id)
        if row is None:
            raise NotFound
        if line is None:
            raise Invalid(errors=[_unknown_line()])
        if not await _match(ctx, tx, line_id, row, "manual"):
            raise BankLineMatched
        return (await _reconciled(tx, provider, [row]))[0]


async def unmatch(ctx: Context, line: str) -> None:
    """End the match of a bank line; raises NotFound, BankLineNotMatched."""
    provider, line_id = ctx.principal.organization_id, ids.parse(BANK, line)
    async with ctx.transaction() as tx:
        await wait_for_turn(tx, provider)
        if await remittance_queries.bank_line(tx, provider, line_id) is None:
            raise NotFound
        batch_id = await remittance_queries.end_match(tx, provider, line_id, (ctx.clock.now(), ctx.principal.user_id))
        if batch_id is None:
            raise BankLineNotMatched
        number = ids.show(PREFIX, batch_id)
        tx.audit("remittance.unmatch", "payment_batch", number, organization_id=provider, detail={"line": line})


async def reconcile(ctx: Context) -> Reconciliation:
    """Return remittances beside the money that came, bank lines that nothing explains, and claims that differ."""
    provider = ctx.principal.organization_id
    async with ctx.transaction() as tx:
        rows = await remittance_queries.remittances(tx, provider, _MOST, 0)
        remittances = await _reconciled(tx, provider, rows)
        loose = await remittance_queries.unmatched(tx, provider, _MOST)
        claims = await remittance_queries.differing_claims(tx, provider, _MOST)
        tx.audit("remittance.reconcile", "organization", ids.show("ORG", provider), organization_id=provider)
    complete = max(len(rows), len(loose), len(claims)) < _MOST
    return Reconciliation(remittances, [_line(row) for row in loose], [_claim(row) for row in claims], complete)


def _unknown_line() -> FieldError:
    words = "You have imported no such bank line", "لم تستورد حركة بنك بهذا الرقم"
    return FieldError("bank_line_id", "unknown-bank-line", *words)


def _names(reference: str, row: Any) -> bool:
    """Say whether a bank line names a remittance, by its number or by the payer's number at the bank."""
    text = reference.upper()
    known = [ids.show(PREFIX, row["id"]), row["bank_reference"]]
    return any(number and number.upper() in text for number in known)


def _pairs(lines: Iterable[Any], rows: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """Pair what is alone with its amount on both sides: two of the same could be either."""
    by_amount: dict[Decimal, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for line in lines:
        by_amount[line["amount"]][0].append(line)
    for row in rows:
        by_amount[row["amount"] - row["received"]][1].append(row)
    for ours, theirs in by_amount.values():
        if len(ours) == len(theirs) == 1 and ours[0]["booked_on"] >= theirs[0]["sent_at"].date():
            yield ours[0], theirs[0]


async def _match(ctx: Context, tx: Transaction, line_id: UUID, row: Any, how: str) -> bool:
    provider, now, by = ctx.principal.organization_id, ctx.clock.now(), ctx.principal.user_id
    match_row = (provider, ids.new_id(), line_id, row["organization_id"], row["id"], how, now, by)
    if not await remittance_queries.add_match(tx, match_row):
        return False
    detail = {"line": ids.show(BANK, line_id), "how": how}
    number = ids.show(PREFIX, row["id"])
    tx.audit("remittance.match", "payment_batch", number, organization_id=provider, detail=detail)
    return True


async def _reconciled(tx: Transaction, provider: UUID, rows: list[Any]) -> list[ReconciledRemittance]:
    lines: dict[UUID, list[BankLineView]] = defaultdict(list)
    for line in await remittance_queries.matched_lines(tx, provider, [row["id"] for row in rows]):
        lines[line["batch_id"]].append(_line(line))
    return [_remittance(row, lines[row["id"]]) for row in rows]


def _remittance(row: Any, lines: list[BankLineView]) -> ReconciledRemittance:
    amount, received = Money(row["amount"]), money(sum(line.amount for line in lines))
    return ReconciledRemittance(
        remittance_id=ids.show(PREFIX, row["id"]),
        payer_id=ids.show("ORG", row["organization_id"]),
        amount=amount,
        received=received,
        difference=Decimal(received) - Decimal(amount),
        state=_state(amount, received),
        bank_lines=lines,
    )


def _state(amount: Money, received: Money) -> str:
    if not received:
        return "missing"
    if received == amount:
        return "exact"
    return "partial" if received < amount else "over"


def _line(row: Any) -> BankLineView:
    return BankLineView(
        bank_line_id=ids.show(BANK, row["id"]),
        transaction_id=row["transaction_id"],
        booked_on=row["booked_on"],
        amount=Money(row["amount"]),
        reference=row["reference"],
        sender=row["sender"],
        how=row.get("how"),
    )


def _claim(row: Any) -> ReconciledClaim:
    return ReconciledClaim(
        claim_id=ids.show("CLM", row["id"]),
        claim_number=row["identifier_value"],
        expected=Money(row["expected"]),
        remitted=row["remitted"],
        difference=row["remitted"] - row["expected"],
    )
