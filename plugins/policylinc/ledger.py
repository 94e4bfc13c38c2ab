"""The benefit ledger: terms are read under the lock of the person, use is appended once for each decision."""

from datetime import date
from uuid import UUID

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.ids import show
from policylinc.contract import LoadTerms, PostBenefits, PostedBenefits, ReverseBenefits, Terms
from policylinc.errors import MemberNotFound, PostingDiffers
from policylinc.newborns import newborn_terms
from policylinc.policy_year import policy_year
from policylinc.postings import (
    EntryFigures,
    Posting,
    append_entries,
    entries_of,
    lock_person,
    open_posting,
    sum_by_benefit,
    usage_of,
)
from policylinc.queries import member_by_id, policy_by_id, posting_of
from policylinc.term_rows import read_term_rows
from policylinc.terms import Cover, build_terms


async def load_terms(ctx: Context, request: LoadTerms) -> Terms:
    """Lock a member's person and read the terms in force on a day."""
    payer, day = request.payer_organization_id, request.service_date
    async with ctx.transaction(frozenset({payer})) as tx:
        key = (payer, request.member_id)
        rows = await read_term_rows(tx, key, day, request.provider_organization_id, request.codes)
        if rows is None or rows.member is None:
            raise MemberNotFound
        cover = Cover(rows.policy, rows.member, policy_year(rows.policy.effective_date, day))
        await lock_person(tx, cover)
        used = await usage_of(tx, cover)
        tx.audit(
            "policy.terms_read",
            "member",
            show("MBR", request.member_id),
            organization_id=payer,
            patient=request.member_id,
        )
    terms = build_terms(rows, day, used)
    return terms if request.newborn_born_on is None else newborn_terms(terms, request.newborn_born_on)


async def post_benefits(ctx: Context, request: PostBenefits) -> PostedBenefits:
    """Append what a decision uses and add it to the balances; the same decision again changes nothing."""
    uses = sum_by_benefit(request.uses)
    if not uses:
        return PostedBenefits(entries=0)
    payer = request.payer_organization_id
    async with ctx.transaction(frozenset({payer})) as tx:
        cover = await _find_cover(tx, payer, request.member_id, request.service_date)
        # The person before the posting, as LoadTerms does: the other order could deadlock with it.
        await lock_person(tx, cover)
        if not await open_posting(tx, cover, Posting(request.decision_id, "use", len(uses)), ctx.clock.now()):
            await _compare(tx, payer, request, uses)
            return PostedBenefits(entries=len(uses))
        await append_entries(tx, cover, request.decision_id, "use", uses)
        tx.audit(
            "benefit.posted",
            "decision",
            str(request.decision_id),
            organization_id=payer,
            patient=request.member_id,
            detail={"entries": str(len(uses))},
        )
    return PostedBenefits(entries=len(uses))


async def reverse_benefits(ctx: Context, request: ReverseBenefits) -> PostedBenefits:
    """Append entries that take a decision's use back; once, and nothing where nothing was posted."""
    payer, decision = request.payer_organization_id, request.decision_id
    async with ctx.transaction(frozenset({payer})) as tx:
        posting = await posting_of(payer, decision)
        if posting is None:
            return PostedBenefits(entries=0)
        cover = await _find_cover(tx, payer, posting.member_id, posting.policy_year)
        posted = await entries_of(tx, payer, decision)
        await lock_person(tx, cover)
        if await open_posting(tx, cover, Posting(decision, "reversal", len(posted)), ctx.clock.now()):
            await append_entries(tx, cover, decision, "reversal", [one.reversed() for one in posted])
            tx.audit(
                "benefit.reversed",
                "decision",
                str(decision),
                organization_id=payer,
                patient=cover.member.id,
                detail={"entries": str(len(posted))},
            )
    return PostedBenefits(entries=len(posted))


async def _find_cover(tx: Transaction, payer: UUID, member_id: UUID, day: date) -> Cover:
    member = await member_by_id(tx, payer, member_id)
    policy = await policy_by_id(tx, payer, member.policy_id) if member else None
    if member is None or policy is None:
        raise MemberNotFound
    return Cover(policy, member, policy_year(policy.effective_date, day))


async def _compare(tx: Transaction, payer: UUID, request: PostBenefits, uses: list[EntryFigures]) -> None:
    """Refuse a decision that comes again with other figures."""
    posting = await posting_of(payer, request.decision_id)
    same_member = posting is not None and posting.member_id == request.member_id
    if not same_member or await entries_of(tx, payer, request.decision_id) != uses:
        raise PostingDiffers
