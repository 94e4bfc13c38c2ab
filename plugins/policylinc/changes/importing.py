"""Carrying documents out, all of them or none: for a command, to try them, or to plan what is proposed."""

from collections.abc import Callable, Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from policylinc.changes import queries
from policylinc.changes.applying import Difference, apply_change
from policylinc.changes.change import Change, Surroundings
from policylinc.changes.documents import Document, kind_of
from policylinc.changes.planning import plan_change
from policylinc.changes.reading import MOST_FAULTS, Read, Source
from policylinc.changes.references import resolve
from policylinc.changes.versions import Ownership
from policylinc.checks import fault

# A document may speak of what another of the same import makes.
_ORDER = ("payer", "network", "product", "policy", "price_list", "service_rules")


class Outcome(Struct, frozen=True):
    """What a document does, or would do."""

    kind: str
    subject: str
    effective_from: str
    difference: Difference


class Tried(Exception):
    """Ends a transaction that only tries."""


def take_back() -> None:
    """Undo what the open transaction or savepoint wrote; whoever opened it catches Tried."""
    raise Tried


class Done(Struct, frozen=True):
    """A document that fits, and what it changes."""

    change: Change
    difference: Difference

    def outcome(self) -> Outcome:
        """Return what is told of it."""
        document = self.change.document
        return Outcome(kind_of(document), document.subject, str(document.effective_from), self.difference)


async def import_documents(
    ctx: Context,
    payer: UUID,
    read: Read,
    *,
    backdated: bool = False,
    check: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Carry documents out at once, or only try them; raises Invalid with every fault, and has then done nothing."""
    require_payer(ctx, payer)
    done: list[Done] = []
    try:
        async with ctx.transaction(frozenset({payer})) as tx:
            done = await carry_out_all(ctx, tx, payer, read, backdated=backdated, tell=tell)
            if check:
                take_back()
    except Tried:
        pass
    return [one.outcome() for one in done]


def require_payer(ctx: Context, payer: UUID) -> None:
    """Refuse another's payer as one that is not there."""
    if ctx.principal.kind != "service" and payer not in ctx.principal.organizations:
        raise NotFound


async def carry_out_all(  # noqa: PLR0913 - as above
    ctx: Context,
    tx: Transaction,
    payer: UUID,
    read: Read,
    *,
    backdated: bool,
    proposal_id: UUID | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Done]:
    """Carry documents out in the open transaction, those first that others need; raises Invalid with every fault."""
    sources = sorted(read.sources, key=lambda one: _ORDER.index(kind_of(one.document)))
    references = await resolve(ctx, [one.document for one in sources])
    await queries.wait_for_turn(tx, payer)
    where = Surroundings(payer, ctx.clock.now(), today(ctx.clock), references)
    faults, done = list(read.faults), []
    for number, source in enumerate(sources, 1):
        tell(f"{number} of {len(sources)}: {_named(source.document)}")
        found = list(references.faults(source.document))
        change = await plan_change(tx, where, source.document)
        found += [*change.faults, *_past(change, allowed=backdated)]
        if not found:
            own = Ownership(payer, source.document.effective_from, proposal_id)
            try:
                async with ctx.transaction(frozenset({payer})):  # a savepoint
                    done.append(Done(change, await apply_change(tx, change, own, where.today)))
            except (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError):  # made by another way meanwhile
                found.append(_overlap())
        faults += source.place(found)
    if faults:
        raise refused(faults)
    return done


def refused(faults: Sequence[FieldError]) -> Invalid:
    """Word the refusal of an import."""
    count = len(faults)
    return Invalid(
        f"Nothing was changed: {count} fault{'s' if count > 1 else ''}",
        f"لم يتغير شيء: عدد الأخطاء {count}",
        errors=faults[:MOST_FAULTS],
    )


def single(document: Document) -> Read:
    """Return a document as if it had been read."""
    return Read([Source(document)], ())


def _past(change: Change, *, allowed: bool) -> Sequence[FieldError]:
    if not change.backdated or allowed:
        return ()
    return [
        fault(
            "effective_from",
            "past",
            "This changes days that are over. Claims that are decided stay as they are; say `backdated` if it is meant",
            "يغير هذا أياماً مضت، وتبقى المطالبات المقررة كما هي. حدد backdated إن كان ذلك مقصوداً",
        )
    ]


def _overlap() -> FieldError:
    words = "Another version holds on these days", "يوجد إصدار آخر سارٍ في هذه الأيام"
    return fault("effective_from", "overlap", *words)


def _named(document: Document) -> str:
    return f"{kind_of(document)} {document.subject}".strip()
