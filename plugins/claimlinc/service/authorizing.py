"""What pre-authorizations grant and claims use: posted with the decision, taken back with it, once each.

Callers hold the member's balances first (policylinc's LoadTerms or ReverseBenefits), then the authorizations here in
the order of their ids: two claims for the last authorized unit wait for each other.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from claimlinc import authorization_queries as queries
from claimlinc.adjudication.decision import service_days
from claimlinc.adjudication.facts import Authorization, AuthorizedLine, Facts
from claimlinc.authorization_queries import Entry, Holder, Posting
from claimlinc.authorization_schemas import AuthorizationStatus
from claimlinc.contract import ClaimSubmission, Coding, Decision, LineDecision, Outcome, Use
from claimlinc.service.authorization_states import Event, after
from masterlinc import ids, wire
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.money import ZERO, money

PREFIX = "AUT"
EXTEND = "extend"  # NPHIES related-claim-relationship
EXPIRY = "authorization"  # the workflow that waits for an authorization's last day
EXTENDABLE = frozenset({AuthorizationStatus.ACTIVE, AuthorizationStatus.USED_UP, AuthorizationStatus.EXPIRED})
_CODES = tuple[Coding, ...]
_GRANTED = (Outcome.APPROVED, Outcome.PARTIAL)


class Made(NamedTuple):
    """A decision that was made, and on what."""

    payer: UUID
    provider: UUID | None
    decision_id: UUID
    submission: ClaimSubmission
    facts: Facts
    decision: Decision


async def usable(
    tx: Transaction, payer: UUID, member_id: UUID, provider: UUID | None, submission: ClaimSubmission
) -> tuple[Authorization, ...]:
    """Lock what a claim may use and return what is left of it; of a request for a pre-authorization nothing."""
    if submission.use is Use.PREAUTHORIZATION:
        return ()
    holder = Holder(payer, member_id, provider, submission.provider_license or "")
    named = [ids.parse(PREFIX, one) for one in submission.preauth_refs if ids.looks_like(PREFIX, one)]
    heads = await queries.lock_usable(tx, holder, *service_days(submission), named)
    rows = await queries.lines(tx, payer, [head["id"] for head in heads]) if heads else []
    return tuple(
        Authorization(
            reference=ids.show(PREFIX, head["id"]),
            valid_from=head["valid_from"],
            valid_to=head["valid_to"],
            lines=tuple(_line(row) for row in rows if row["authorization_id"] == head["id"]),
        )
        for head in heads
    )


async def post(ctx: Context, tx: Transaction, made: Made) -> None:
    """Post what a decision grants, or uses of what was granted; a pended one neither."""
    if made.facts.terms is None or made.decision.outcome is Outcome.PENDED:
        return
    if made.submission.use is Use.PREAUTHORIZATION:
        await _grant(ctx, tx, made)
        return
    uses = used(made.decision, made.submission, made.facts.authorizations)
    for authorization_id in sorted(uses):
        posting = Posting(made.payer, authorization_id, made.decision_id, "use", made.provider)
        if await queries.post(tx, posting, uses[authorization_id], ctx.clock.now()):
            await _settle(ctx, tx, made.payer, authorization_id, Event.USE)


async def extended(
    tx: Transaction, payer: UUID, member_id: UUID, provider: UUID | None, submission: ClaimSubmission
) -> str | None:
    """Return the reference of the member's authorization that a request says it extends, where it can be."""
    if submission.use is not Use.PREAUTHORIZATION or all(one.relationship != EXTEND for one in submission.related):
        return None
    for reference in submission.preauth_refs:
        if not ids.looks_like(PREFIX, reference):
            continue
        head = await queries.lock(tx, payer, ids.parse(PREFIX, reference))
        if head is None or (head["member_id"], head["provider_organization_id"]) != (member_id, provider):
            continue
        if AuthorizationStatus(head["status"]) in EXTENDABLE:
            return reference
    return None


async def take_back(ctx: Context, tx: Transaction, payer: UUID, decision_id: UUID) -> None:
    """Undo what a decision posted to authorizations: its uses come back, what it granted and nobody used is gone.

    Once, and nothing where nothing was posted. Call it when a decision no longer holds, after ReverseBenefits.
    """
    for row in await queries.postings_of(tx, payer, decision_id):
        if row["kind"] == "use":
            await _return(ctx, tx, payer, row["authorization_id"], decision_id)
        elif row["kind"] == "grant":
            await _withdraw(ctx, tx, payer, row["authorization_id"], decision_id)


def used(
    decision: Decision, submission: ClaimSubmission, authorizations: Sequence[Authorization]
) -> dict[UUID, list[Entry]]:
    """Return what a decision's lines use of the authorizations that it was made on."""
    codes = {line.sequence: {coding.code for coding in line.codes} for line in submission.lines}
    left = {(one.reference, line.sequence): _Left.of(line) for one in authorizations for line in one.lines}
    entries: dict[UUID, list[Entry]] = {}
    for line in decision.lines:
        if line.outcome not in _GRANTED or line.authorization is None:
            continue
        fitting = [
            (sequence, one)
            for (reference, sequence), one in left.items()
            if reference == line.authorization and one.codes & codes[line.sequence]
        ]
        if not fitting:
            continue
        sequence, source = next((one for one in fitting if one[1].quantity >= line.approved_quantity), fitting[0])
        entry = Entry(sequence, min(source.quantity, line.approved_quantity), min(source.amount, line.allowed))
        left[line.authorization, sequence] = source.less(entry)
        entries.setdefault(ids.parse(PREFIX, line.authorization), []).append(entry)
    return entries


class _Left(NamedTuple):
    """What is left of an authorized line while a claim's lines draw on it."""

    codes: frozenset[str]
    quantity: Decimal
    amount: Decimal

    @classmethod
    def of(cls, line: AuthorizedLine) -> "_Left":
        return cls(frozenset(coding.code for coding in line.codes), line.quantity_left, line.amount_left)

    def less(self, entry: Entry) -> "_Left":
        return self._replace(quantity=self.quantity - entry.quantity, amount=self.amount - entry.amount)


async def _grant(ctx: Context, tx: Transaction, made: Made) -> None:
    """Open an authorization of the approved lines, or add to the one that the request extends."""
    approved = [line for line in made.decision.lines if line.outcome in _GRANTED and line.approved_quantity]
    if not approved or made.decision.preauth_ref is None:
        return
    authorization_id, terms = ids.parse(PREFIX, made.decision.preauth_ref), made.facts.terms
    assert terms is not None, "who calls looks"
    day, (first, last) = today(ctx.clock), service_days(made.submission)
    valid_to = max(day + timedelta(days=terms.authorization.valid_days), last)
    number, now = made.submission.identifier, ctx.clock.now()
    row = (made.payer, authorization_id, made.provider, made.submission.provider_license or "", terms.member_id)
    days = (number.system, number.value, min(day, first), valid_to, now)
    opened = await queries.open_authorization(tx, (*row, *days))
    head = await queries.lock(tx, made.payer, authorization_id)
    if not opened and (head["member_id"] != terms.member_id or head["status"] == AuthorizationStatus.CANCELLED):
        return
    again = (number.system, number.value) == (head["identifier_system"], head["identifier_value"])
    known = await queries.lines(tx, made.payer, [authorization_id])
    entries, fresh = _granted(made, approved, known, again=again)
    await queries.add_lines(tx, [(made.payer, authorization_id, *one) for one in fresh])
    posting = Posting(made.payer, authorization_id, made.decision_id, "grant", made.provider)
    if not await queries.post(tx, posting, entries, now, valid_to):
        return
    await _settle(ctx, tx, made.payer, authorization_id, Event.GRANT)
    await ctx.start_workflow(tx, EXPIRY, f"{authorization_id}/{made.decision_id}", made.payer)


def _granted(
    made: Made, approved: Sequence[LineDecision], known: Sequence[Any], *, again: bool
) -> tuple[list[Entry], list[tuple[Any, ...]]]:
    """Return what is granted to each line, and the lines that are new; `again`: the same request, decided anew.

    Decided anew, what was used before counts as part of what is granted now.
    """
    codes = {line.sequence: line.codes for line in made.submission.lines}
    by_code = {coding.code: row for row in reversed(known) for coding in wire.load(row["codes"], _CODES)}
    by_sequence = {row["sequence"]: row for row in known}
    following = max(by_sequence, default=0)
    entries, fresh = [], []
    for line in approved:
        row = by_sequence.get(line.sequence) if again else by_code.get(codes[line.sequence][0].code)
        sequence = row["sequence"] if row else line.sequence
        if row is None:
            if not again and known:
                following += 1
                sequence = following
            fresh.append((sequence, made.provider, wire.dump(codes[line.sequence]), line.benefit))
        quantity, amount = Decimal(line.approved_quantity), Decimal(line.allowed)
        if row is not None and again:
            quantity = max(quantity - row["quantity_granted"], Decimal(0))
            amount = max(amount - row["amount_granted"], Decimal(0))
        entries.append(Entry(sequence, quantity, amount))
    return entries, fresh


async def _return(ctx: Context, tx: Transaction, payer: UUID, authorization_id: UUID, decision_id: UUID) -> None:
    head = await queries.lock(tx, payer, authorization_id)
    entries = await queries.entries_of(tx, payer, authorization_id, decision_id, "use")
    posting = Posting(payer, authorization_id, decision_id, "reversal", head["provider_organization_id"])
    if await queries.post(tx, posting, entries, ctx.clock.now()):
        await _settle(ctx, tx, payer, authorization_id, Event.RETURN)


async def _withdraw(ctx: Context, tx: Transaction, payer: UUID, authorization_id: UUID, decision_id: UUID) -> None:
    head = await queries.lock(tx, payer, authorization_id)
    left = {row["sequence"]: row for row in await queries.lines(tx, payer, [authorization_id])}
    granted = await queries.entries_of(tx, payer, authorization_id, decision_id, "grant")
    entries = [_at_most(one, left[one.sequence]) for one in granted]
    posting = Posting(payer, authorization_id, decision_id, "withdrawal", head["provider_organization_id"])
    if await queries.post(tx, posting, entries, ctx.clock.now()):
        await _settle(ctx, tx, payer, authorization_id, Event.WITHDRAW)


def _at_most(entry: Entry, row: Any) -> Entry:
    """Return as much of an entry as nobody has used."""
    return Entry(entry.sequence, min(entry.quantity, _quantity_left(row)), min(entry.amount, _amount_left(row)))


async def _settle(ctx: Context, tx: Transaction, payer: UUID, authorization_id: UUID, event: Event) -> None:
    """Move an authorization on after its lines changed, and audit it."""
    head = await queries.lock(tx, payer, authorization_id)
    rows = await queries.lines(tx, payer, [authorization_id])
    granted_to = await queries.last_day(tx, payer, authorization_id)
    spent, past = all(_is_spent(row) for row in rows), (granted_to or head["valid_to"]) < today(ctx.clock)
    status = _next(AuthorizationStatus(head["status"]), event, holds=granted_to is not None, spent=spent, past=past)
    await queries.move(tx, payer, authorization_id, status.value, granted_to or head["valid_to"], ctx.clock.now())
    audit(tx, head, f"authorization.{event.value}", status)


def _next(status: AuthorizationStatus, event: Event, *, holds: bool, spent: bool, past: bool) -> AuthorizationStatus:
    """Return the state that follows; one that became active does not stay it with nothing left, or past its days."""
    if event is Event.WITHDRAW and holds and status is not AuthorizationStatus.CANCELLED:
        event = Event.USE  # an extension was taken back: the rest holds
    status = after(status, Event.USE_UP if event is Event.USE and spent else event)
    if status is AuthorizationStatus.ACTIVE and (spent or past):
        return after(status, Event.USE_UP if spent else Event.EXPIRE)
    return status


def audit(tx: Transaction, head: Any, action: str, status: AuthorizationStatus) -> None:
    """Write what happened to an authorization, for the payer whose it is."""
    tx.audit(
        action,
        "authorization",
        ids.show(PREFIX, head["id"]),
        organization_id=head["organization_id"],
        patient=head["member_id"],
        detail={"status": status.value},
    )


def _line(row: Any) -> AuthorizedLine:
    return AuthorizedLine(
        codes=wire.load(row["codes"], _CODES),
        quantity_left=_quantity_left(row),
        amount_left=money(_amount_left(row)),
        sequence=row["sequence"],
    )


def _quantity_left(row: Any) -> Decimal:
    left: Decimal = row["quantity_granted"] - row["quantity_used"]
    return left


def _amount_left(row: Any) -> Decimal:
    left: Decimal = row["amount_granted"] - row["amount_used"]
    return left


def _is_spent(row: Any) -> bool:
    """Say whether nothing can be used of a line any more; what was granted at no price is counted by units alone."""
    return _quantity_left(row) <= 0 or (row["amount_granted"] > ZERO and _amount_left(row) <= 0)
