"""Payment batches at the payer: what is due is collected, approved by another person, sent and settled.

A batch pays the difference between what is decided and what was paid, so that whatever is decided again, corrected or
cancelled, the sum over time is the sum of the decisions.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from claimlinc import payment_queries, writes
from claimlinc.contract import BatchSent, BatchSettled, ClaimStatus
from claimlinc.errors import BatchStateRefused, NothingDue, SamePerson
from claimlinc.payment_schemas import (
    BatchDetail,
    BatchForm,
    BatchPage,
    BatchView,
    DuePage,
    DueView,
    PaidClaim,
    SettleForm,
)
from claimlinc.service.checking import FIRST_DAY, LAST_DAY
from claimlinc.service.fees import Detail, detail
from claimlinc.service.forms import Faults
from claimlinc.service.references import find_organization
from claimlinc.service.states import TRANSITIONS, Event, Role
from masterlinc import ids
from masterlinc.clock import RIYADH, today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.money import Money

PREFIX = "PAY"
COUNTED = 1000
_MOVES = {
    ("draft", "approved"),
    ("draft", "withdrawn"),
    ("approved", "withdrawn"),
    ("approved", "sent"),
    ("sent", "settled"),
}
_SAME = ("claims", "payment", "early_fee", "nphies_fee", "early_fee_percent", "nphies_fee_percent", "state", "made_at")
_TIMES = ("approved_at", "sent_at", "settled_at", "withdrawn_at", "paid_on", "bank_reference")
_ACTIONS = {
    "approved": "payment.approve",
    "sent": "payment.send",
    "settled": "payment.settle",
    "withdrawn": "payment.withdraw",
}
_MEANWHILE = (
    "Somebody collects for this provider at the moment; look at the batches",
    "يُعد شخص آخر دفعة لمقدم الخدمة هذا حالياً؛ راجع دفعات السداد",
)
STATES = ("draft", "approved", "sent", "settled", "withdrawn")


async def show_due(ctx: Context) -> DuePage:
    """Return what is due to each provider and in no batch."""
    async with ctx.transaction(read_only=True) as tx:
        rows = await payment_queries.due_by_provider(tx, ctx.principal.organization_id)
    return DuePage([DueView(_org(row["provider"]), row["claims"], row["payment"], row["oldest"]) for row in rows])


async def prepare(ctx: Context, form: BatchForm) -> BatchDetail:
    """Collect what is due to a provider into a draft; raises NothingDue, Invalid."""
    wanted = payment_queries.Wanted(ctx.principal.organization_id, await _provider(ctx, form), _end_of(form))
    try:
        async with ctx.transaction() as tx:
            return await _draft(ctx, tx, wanted, Decimal(form.early_fee_percent))
    except asyncpg.UniqueViolationError:  # a claim went into another batch between looking and locking
        raise NothingDue(*_MEANWHILE) from None


async def _draft(ctx: Context, tx: Transaction, wanted: payment_queries.Wanted, early_percent: Decimal) -> BatchDetail:
    payer, provider, _ = wanted
    percents = (early_percent, Decimal(str(ctx.config.nphies_fee_percent)))
    pairs, sums = await _collect(ctx, tx, wanted, percents)
    batch_id = ids.new_id()
    figures = (len(pairs), *sums, sums.amount)
    row = (payer, batch_id, provider, *percents, *figures, ctx.principal.user_id, ctx.clock.now())
    lines = [(payer, batch_id, place, provider, *_line(*pair)) for place, pair in enumerate(pairs, 1)]
    await payment_queries.add_batch(tx, row, lines)
    _audit(tx, "payment.prepare", payer, batch_id, {"claims": str(len(lines)), "amount": str(sums.amount)})
    return await _detail(tx, payer, batch_id)


async def _collect(
    ctx: Context, tx: Transaction, wanted: payment_queries.Wanted, percents: tuple[Decimal, Decimal]
) -> tuple[list[tuple[Any, Detail]], Detail]:
    """Lock what a batch pays and takes back, as much of either as fits, and sum it up; the oldest come first."""
    total, most = await payment_queries.due_in_all(tx, wanted), ctx.config.batch_claims
    if total <= 0:
        raise _nothing_due(total)
    back = await payment_queries.lock_due(tx, wanted, most // 2, back=True)
    paid = await payment_queries.lock_due(tx, wanted, most - len(back), back=False)
    while True:
        accounts = sorted([*paid, *back], key=lambda one: one["id"])
        details = [detail(one["entitled"] - one["paid"], *percents) for one in accounts]
        sums = Detail(*(sum((getattr(one, name) for one in details), Decimal(0)) for name in Detail._fields))
        if sums.amount > 0:
            return list(zip(accounts, details, strict=True)), sums
        if not back or len(back) + len(paid) < most:
            raise _nothing_due(sums.payment)
        back.pop()  # the batch is full, and what covers this comes in the next one


async def list_batches(ctx: Context, state: str | None, page: int, limit: int, offset: int) -> BatchPage:
    """Return a page of the payer's batches, the newest first."""
    if state is not None and state not in STATES:
        known = ", ".join(STATES)
        raise Invalid(errors=[FieldError("status_filter", "choice", f"One of {known} is expected", f"القيم: {known}")])
    payer = ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as tx:
        rows = await payment_queries.batches(tx, payer, state, limit, offset)
        counted = await payment_queries.count_batches(tx, payer, state, COUNTED + 1)
    return BatchPage([_view(row) for row in rows], min(counted, COUNTED), page, limit, counted <= COUNTED)


async def show(ctx: Context, reference: str) -> BatchDetail:
    """Return a batch of the payer's with its claims; raises NotFound."""
    payer, batch_id = ctx.principal.organization_id, ids.parse(PREFIX, reference)
    async with ctx.transaction() as tx:
        _audit(tx, "payment.read", payer, batch_id, {})
        return await _detail(tx, payer, batch_id)


async def approve(ctx: Context, reference: str) -> BatchView:
    """Approve a draft that somebody else made; raises SamePerson, BatchStateRefused."""
    return await _move(ctx, reference, "approved")


async def send(ctx: Context, reference: str) -> BatchView:
    """Send an approved batch: from now on its provider sees it as a remittance."""
    return await _move(ctx, reference, "sent")


async def withdraw(ctx: Context, reference: str) -> BatchView:
    """Give up a batch that is not sent: its claims may be collected anew."""
    return await _move(ctx, reference, "withdrawn")


async def settle(ctx: Context, reference: str, form: SettleForm) -> BatchView:
    """Note that the bank paid a batch; the provider's claims in it are paid."""
    faults = Faults()
    if form.paid_on > today(ctx.clock):
        words = "The bank has not paid on a day to come", "لا يمكن أن يكون تاريخ الدفع في المستقبل"
        faults.add("paid_on", "future", *words)
    number = faults.code("bank_reference", form.bank_reference, most=100)
    if faults:
        raise Invalid(errors=faults)
    return await _move(ctx, reference, "settled", form.paid_on, number)


async def _move(ctx: Context, reference: str, state: str, *facts: Any) -> BatchView:
    payer, batch_id, now = ctx.principal.organization_id, ids.parse(PREFIX, reference), ctx.clock.now()
    async with ctx.transaction() as tx:
        row = await payment_queries.lock_batch(tx, payer, batch_id)
        if row is None:
            raise NotFound
        if (row["state"], state) not in _MOVES:
            raise BatchStateRefused(
                f"a batch that is {row['state']} cannot become {state}",
                f"دفعة السداد في حالة {row['state']} ولا يمكن نقلها إلى {state}",
            )
        if state == "approved" and row["made_by"] == ctx.principal.user_id:
            raise SamePerson
        await payment_queries.move_batch(tx, row, state, ctx.principal.user_id, now, *facts)
        await _follow(ctx, tx, row, state)
        _audit(tx, _ACTIONS[state], payer, batch_id, {"amount": str(row["amount"])})
        return _view(await payment_queries.batch(tx, payer, batch_id))


async def _follow(ctx: Context, tx: Transaction, row: Any, state: str) -> None:
    """Do what a batch's new state brings with it."""
    payer, batch_id, provider = row["organization_id"], row["id"], row["provider_organization_id"]
    if state == "sent":
        sent = BatchSent(batch_id=batch_id, organization_id=payer, provider_organization_id=provider)
        tx.publish(sent, aggregate=batch_id, organization_id=payer)
    if state == "withdrawn":
        await payment_queries.give_back(tx, payer, batch_id)
    if state in {"withdrawn", "settled"}:
        await payment_queries.close_lines(tx, payer, batch_id)
    if state == "settled":
        await _mark_paid(ctx, payer, provider, batch_id)
        settled = BatchSettled(batch_id=batch_id, organization_id=payer, provider_organization_id=provider)
        tx.publish(settled, aggregate=batch_id, organization_id=payer)


async def _mark_paid(ctx: Context, payer: UUID, provider: UUID, batch_id: UUID) -> None:
    """Move the provider's claims on, in the provider's scope; what was ended or is looked at again stays as it is."""
    there = ctx.acting_for(provider)
    async with there.transaction() as tx:
        for claim in await payment_queries.lock_paid_claims(tx, provider, payer, batch_id):
            after = TRANSITIONS.get((ClaimStatus(claim["status"]), Event.PAY, Role.PAYER))
            if after is None:
                continue
            await writes.set_status(tx, provider, claim["id"], after.value, ctx.clock.now())
            number, patient = ids.show("CLM", claim["id"]), claim["patient_id"]
            paid = {"batch": ids.show(PREFIX, batch_id)}
            tx.audit("claim.pay", "claim", number, organization_id=provider, patient=patient, detail=paid)


async def _provider(ctx: Context, form: BatchForm) -> UUID:
    faults = Faults()
    reference = faults.code("provider_id", form.provider_id, most=128) or ""
    found = await find_organization(ctx, reference)
    if found.organization_id is None and not faults:
        words = "No provider has this number or licence", "لا يوجد مقدم خدمة بهذا الرقم أو الترخيص"
        faults.add("provider_id", "unknown-provider", *words)
    if form.decided_until is not None and not FIRST_DAY <= form.decided_until <= LAST_DAY:
        faults.add("decided_until", "range", "A Gregorian day is expected", "المتوقع تاريخ ميلادي")
    percent = Decimal(form.early_fee_percent)
    if percent > 100 or percent != percent.quantize(Decimal("0.01")):  # noqa: PLR2004 - per cent
        words = "A percentage from 0 to 100 with two places is expected", "المتوقع نسبة من 0 إلى 100 بمنزلتين عشريتين"
        faults.add("early_fee_percent", "range", *words)
    if faults or found.organization_id is None:
        raise Invalid(errors=faults)
    return found.organization_id


def _end_of(form: BatchForm) -> datetime | None:
    """Return the end of the last day of decisions that is asked for, in Riyadh."""
    if form.decided_until is None:
        return None
    return datetime.combine(form.decided_until, time.min, RIYADH) + timedelta(days=1)


def _line(account: Any, figures: Detail) -> tuple[Any, ...]:
    first = account["paid"] == 0 and figures.payment > 0
    reason = account["ended"] or ("decided" if first else "decided_again")
    return (
        account["id"],
        account["decision_id"],
        "payment" if first else "adjustment",
        reason,
        account["entitled"],
        account["paid"],
        *figures,
        figures.amount,
    )


def _nothing_due(total: Decimal) -> NothingDue:
    if total >= 0:
        return NothingDue()
    return NothingDue(
        f"SAR {-total} is to be taken back and nothing covers it yet: it waits for the next payments",
        f"المبلغ المطلوب استرداده {-total} ريال ولا توجد مدفوعات تغطيه بعد: ينتظر المدفوعات القادمة",
    )


async def _detail(tx: Transaction, payer: UUID, batch_id: UUID) -> BatchDetail:
    row = await payment_queries.batch(tx, payer, batch_id)
    if row is None:
        raise NotFound
    lines = await payment_queries.lines_of(tx, payer, batch_id)
    head = _view(row)
    same = {name: getattr(head, name) for name in head.__struct_fields__}
    return BatchDetail(**same, lines=[_paid(line) for line in lines])


def _view(row: Any) -> BatchView:
    return BatchView(
        batch_id=ids.show(PREFIX, row["id"]),
        provider_id=_org(row["provider_organization_id"]),
        amount=Money(row["amount"]),
        made_by=ids.show("USR", row["made_by"]),
        approved_by=ids.show("USR", row["approved_by"]) if row["approved_by"] else None,
        **{name: row[name] for name in (*_SAME, *_TIMES)},
    )


def _paid(line: Any) -> PaidClaim:
    return PaidClaim(
        claim_number=line["identifier_value"],
        decision_id=str(line["decision_id"]),
        entitled=Money(line["entitled"]),
        paid_before=Money(line["paid_before"]),
        **{name: line[name] for name in ("kind", "reason", "payment", "early_fee", "nphies_fee", "amount")},
    )


def _org(organization: UUID) -> str:
    return ids.show("ORG", organization)


def _audit(tx: Transaction, action: str, payer: UUID, batch_id: UUID, detail: dict[str, str]) -> None:
    tx.audit(action, "payment_batch", ids.show(PREFIX, batch_id), organization_id=payer, detail=detail)
