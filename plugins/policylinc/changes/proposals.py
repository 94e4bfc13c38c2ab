"""Proposals: one person says what is to change, and another lets it be. The database refuses the same person twice."""

from datetime import date
from typing import Any, cast
from uuid import UUID

from msgspec import Raw

from masterlinc import wire
from masterlinc.clock import RIYADH
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import Conflict, Forbidden, Invalid, NotFound
from masterlinc.etags import require_match
from masterlinc.http import paging
from masterlinc.ids import new_id, parse, show
from masterlinc.text import clean
from policylinc.changes import queries
from policylinc.changes.applying import Difference
from policylinc.changes.documents import Document, kind_of
from policylinc.changes.importing import Done, Tried, carry_out_all, single, take_back
from policylinc.changes.reading import Read
from policylinc.changes.schemas import ImportAnswer, ProposalDetail, ProposalPage, ProposalView
from policylinc.checks import fault

_PREFIX = "PRP"
_ACTIONS = {"approved": "terms.approved", "declined": "terms.declined", "withdrawn": "terms.withdrawn"}


class OwnProposal(Forbidden):
    """Nobody approves or declines what they proposed."""

    code = "own-proposal"
    title = "Another person approves or declines what you proposed"
    title_ar = "يعتمد شخص آخر ما اقترحته أو يرفضه"


class NotYourProposal(Forbidden):
    """Only who proposed something takes it back."""

    code = "not-your-proposal"
    title, title_ar = "Only who proposed it can take it back", "لا يسحب المقترح إلا مقدمه"


class PersonsOnly(Forbidden):
    """A machine's key could be a second pair of eyes of whoever made it."""

    code = "persons-only"
    title, title_ar = "A signed-in person does this, not a machine", "يقوم بهذا شخص مسجل الدخول وليس نظاماً آلياً"


class ProposalDecided(Conflict):
    """Somebody approved, declined or took it back before."""

    code = "proposal-decided"
    title, title_ar = "This proposal was decided before", "سبق البت في هذا المقترح"


class ProposalOutdated(Conflict):
    """What it was made from has changed, or its day has passed."""

    code = "proposal-outdated"
    title = "The terms have changed since, or the day has passed: propose it anew"
    title_ar = "تغيرت الشروط منذ تقديمه أو مضى تاريخه: قدمه من جديد"


class NothingChanges(Invalid):
    """What is proposed holds already."""

    code = "nothing-changes"
    title, title_ar = "This holds already: nothing would change", "هذا سارٍ من قبل ولن يتغير شيء"


async def propose(ctx: Context, read: Read, reason: str, *, backdated: bool, check: bool = False) -> ImportAnswer:
    """Make a proposal of each document that changes something, or only say what they would do."""
    _require_person(ctx)
    payer, words = ctx.principal.organization_id, _reason(reason)
    made: list[ProposalView] = []
    async with ctx.transaction() as tx:
        done = await _try(ctx, tx, payer, read, backdated=backdated)
        outcomes = tuple(one.outcome() for one in done)
        changing = [one for one in done if _size(one.difference)]
        if not changing:
            raise NothingChanges
        if not check:
            made = [await _insert(ctx, tx, one, words) for one in changing]
    return ImportAnswer(checked_only=check, outcomes=outcomes, proposals=tuple(made))


async def approve(ctx: Context, proposal: str, if_match: str | None, note: str | None) -> ProposalDetail:
    """Carry a proposal out, as somebody else than who proposed it."""
    payer, proposal_id = ctx.principal.organization_id, parse(_PREFIX, proposal)

    async def work(tx: Transaction) -> ProposalDetail:
        await queries.wait_for_turn(tx, payer)
        row = await _open(ctx, tx, proposal_id, if_match)
        if row["proposed_by"] == ctx.principal.user_id:
            raise OwnProposal
        document: Document = wire.load(row["content"], cast("Any", Document))
        try:
            (done,) = await carry_out_all(
                ctx, tx, payer, single(document), backdated=_was_backdated(row), proposal_id=proposal_id
            )
        except Invalid as refused:
            raise ProposalOutdated(errors=refused.errors) from None
        if done.change.base != row["base"]:
            raise ProposalOutdated
        return await _decide(ctx, tx, row, "approved", note)

    return await ctx.run(work)


async def decline(ctx: Context, proposal: str, if_match: str | None, note: str) -> ProposalDetail:
    """Refuse a proposal, as somebody else than who proposed it."""

    async def work(tx: Transaction) -> ProposalDetail:
        row = await _open(ctx, tx, parse(_PREFIX, proposal), if_match)
        if row["proposed_by"] == ctx.principal.user_id:
            raise OwnProposal
        return await _decide(ctx, tx, row, "declined", _reason(note, "note"))

    return await ctx.run(work)


async def withdraw(ctx: Context, proposal: str, if_match: str | None, note: str | None) -> ProposalDetail:
    """Take one's own proposal back."""

    async def work(tx: Transaction) -> ProposalDetail:
        row = await _open(ctx, tx, parse(_PREFIX, proposal), if_match)
        if row["proposed_by"] != ctx.principal.user_id:
            raise NotYourProposal
        return await _decide(ctx, tx, row, "withdrawn", note)

    return await ctx.run(work)


async def show_proposal(ctx: Context, proposal: str) -> ProposalDetail:
    """Return a proposal of the payer with its difference."""
    proposal_id = parse(_PREFIX, proposal)
    async with ctx.transaction(read_only=True) as tx:
        row = await queries.proposal(tx, ctx.principal.organization_id, proposal_id)
    if row is None:
        raise NotFound
    return _detail(row)


async def list_proposals(ctx: Context, status: str | None, kind: str | None, page: int, page_size: int) -> ProposalPage:
    """Return the payer's proposals, the latest first."""
    wanted, home = paging.page(page, page_size), ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as tx:
        rows = await tx.fetch(
            queries.PROPOSALS + " LIMIT $4 OFFSET $5", home, status, kind, wanted.limit, wanted.offset
        )
        counted = await tx.fetchval(paging.count_sql(queries.PROPOSALS), home, status, kind)
    total, exact = paging.capped(counted)
    return ProposalPage(
        proposals=[_view(row) for row in rows], total=total, page=page, page_size=page_size, total_exact=exact
    )


async def _try(ctx: Context, tx: Transaction, payer: UUID, read: Read, *, backdated: bool) -> list[Done]:
    """Carry documents out and take it back: one may speak of what another makes."""
    done: list[Done] = []
    try:
        async with ctx.transaction():  # a savepoint
            done = await carry_out_all(ctx, tx, payer, read, backdated=backdated)
            take_back()
    except Tried:
        pass
    return done


async def _insert(ctx: Context, tx: Transaction, done: Done, reason: str) -> ProposalView:
    payer, document, proposal_id = ctx.principal.organization_id, done.change.document, new_id()
    row = await queries.insert_proposal(
        tx,
        payer,
        proposal_id,
        kind_of(document),
        document.subject,
        document.effective_from,
        wire.dump(document),
        wire.dump(done.difference),
        done.change.base,
        reason,
        ctx.principal.user_id,
        ctx.clock.now(),
    )
    _audit(tx, row, "terms.proposed")
    return _view(row)


async def _open(ctx: Context, tx: Transaction, proposal_id: UUID, if_match: str | None) -> Any:
    """Lock a proposal that waits, in the version that the caller has seen."""
    _require_person(ctx)
    row = await queries.lock_proposal(tx, ctx.principal.organization_id, proposal_id)
    if row is None:
        raise NotFound
    require_match(if_match, _detail(row))
    if row["status"] != "proposed":
        raise ProposalDecided
    return row


async def _decide(ctx: Context, tx: Transaction, row: Any, status: str, note: str | None) -> ProposalDetail:
    decided = await queries.decide_proposal(
        tx, ctx.principal.organization_id, row["id"], status, ctx.principal.user_id, ctx.clock.now(), note
    )
    _audit(tx, decided, _ACTIONS[status])
    return _detail(decided)


def _audit(tx: Transaction, row: Any, action: str) -> None:
    tx.audit(
        action,
        "proposal",
        show(_PREFIX, row["id"]),
        organization_id=row["organization_id"],
        detail={"kind": row["kind"], "subject": row["subject"], "from": str(row["effective_from"])},
    )


def _require_person(ctx: Context) -> None:
    if ctx.principal.kind != "user":
        raise PersonsOnly


def _was_backdated(row: Any) -> bool:
    """Say whether its day was over when it was proposed: then it had been said."""
    proposed: date = row["proposed_at"].astimezone(RIYADH).date()
    return bool(row["effective_from"] < proposed)


def _size(difference: Difference) -> int:
    return difference.added + difference.changed + difference.ended


def _reason(text: str, path: str = "reason") -> str:
    try:
        return clean(text, least=1, most=2000)
    except ValueError:
        words = "A text of 1 to 2000 visible characters is expected", "المتوقع نص من 1 إلى 2000 حرف"
        raise Invalid(errors=[fault(path, "text", *words)]) from None


def _view(row: Any) -> ProposalView:
    return ProposalView(**_shown(row))


def _detail(row: Any) -> ProposalDetail:
    difference = wire.load(row["difference"], Difference)
    return ProposalDetail(**_shown(row), items=difference.items, document=Raw(row["content"].encode()))


def _shown(row: Any) -> dict[str, Any]:
    difference = wire.load(row["difference"], Difference)
    return {
        "proposal_id": show(_PREFIX, row["id"]),
        "kind": row["kind"],
        "subject": row["subject"],
        "effective_from": row["effective_from"],
        "status": row["status"],
        "reason": row["reason"],
        "proposed_by": show("USR", row["proposed_by"]),
        "proposed_at": row["proposed_at"],
        "decided_by": row["decided_by"] and show("USR", row["decided_by"]),
        "decided_at": row["decided_at"],
        "decision_note": row["decision_note"],
        "added": difference.added,
        "changed": difference.changed,
        "ended": difference.ended,
    }
