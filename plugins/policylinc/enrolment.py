"""Enrolling whom a message names and the payer does not know; made for demos, and said in every decision on them."""

from datetime import date

import asyncpg

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.ids import new_id
from policylinc import writes
from policylinc.checks import GENDERS
from policylinc.contract import CoverStatus, EnrolMember, FoundCover
from policylinc.cover import found_cover
from policylinc.drafts import PolicyDraft
from policylinc.errors import NoSuchProduct
from policylinc.queries import (
    class_to_enrol_in,
    members_by_number,
    person_of_number,
    policies_by_number,
    policy_by_id,
)
from policylinc.records import ClassRow, MemberRow, PolicyRow
from policylinc.service import announce, new_policy

_LONGEST = 64


async def enrol_unknown(ctx: Context, request: EnrolMember) -> FoundCover:
    """Enrol a person for the calendar year of the service; whoever has the number on that day is answered."""
    payer = request.payer_organization_id
    if ctx.principal.kind != "service" and payer not in ctx.principal.organizations:
        raise NotFound
    _check(request)
    async with ctx.transaction(frozenset({payer})) as tx:
        member = await _covered_on(tx, request) or await _enrol(ctx, request)
        policy = await policy_by_id(tx, payer, member.policy_id)
        assert policy is not None, "the foreign key says so"
    return found_cover(policy, member, request.service_date)


def _check(request: EnrolMember) -> None:
    """Refuse a number that could not be stored or found again; everything else is taken as it was sent."""
    if not 0 < len(request.member_number) <= _LONGEST:
        detail = f"A member number has 1 to {_LONGEST} characters"
        detail_ar = f"رقم المستفيد من 1 إلى {_LONGEST} حرفاً"
        raise Invalid(detail, detail_ar, errors=[FieldError("member_number", "length", detail, detail_ar)])


async def _enrol(ctx: Context, request: EnrolMember) -> MemberRow:
    payer = request.payer_organization_id
    try:
        async with ctx.transaction(frozenset({payer})) as tx:
            row = await class_to_enrol_in(
                tx, payer, ctx.config.enrol_product, _wanted(ctx, request), request.service_date
            )
            if row is None:
                raise NoSuchProduct
            policy = await _policy_for(ctx, tx, row, request)
            member_id = new_id()
            member = MemberRow(
                organization_id=payer,
                id=member_id,
                policy_id=policy.id,
                person_id=await person_of_number(tx, payer, request.member_number) or member_id,
                member_number=request.member_number,
                effective_from=policy.effective_date,
                effective_to=policy.expiry_date,
                enrolled_by_simulator=request.enrolled_by_simulator,
            )
            birth = request.birth_date, request.gender if request.gender in GENDERS else None
            await writes.insert_member(member, request.name.strip() or request.member_number, birth, ctx.clock.now())
            await writes.insert_identifiers(ctx.vault, member, request.identifiers)
            announce(tx, member)
            return member
    except asyncpg.ExclusionViolationError:  # another message enrolled the same number just now
        async with ctx.transaction(frozenset({payer})) as tx:
            member_now = await _covered_on(tx, request)
            if member_now is None:
                raise
            return member_now


async def _policy_for(ctx: Context, tx: Transaction, row: ClassRow, request: EnrolMember) -> PolicyRow:
    year = request.service_date.year
    # The policy's number stands in clear in decisions, and a member number may be somebody's identity number.
    holder = ctx.vault.blind(request.payer_organization_id, "policy.policy_number", request.member_number).hex()[:12]
    draft = PolicyDraft(
        policy_number=f"{row.product}-{holder.upper()}-{year}",
        product=row.product,
        policy_class=row.policy_class,
        holder=request.name,
        effective_date=date(year, 1, 1),
        expiry_date=date(year, 12, 31),
        status=CoverStatus.ACTIVE,
    )
    policy = new_policy(request.payer_organization_id, row, draft)
    if await writes.insert_policy(policy, draft.holder, ctx.clock.now()):
        return policy
    return (await policies_by_number(tx, [policy.organization_id], policy.policy_number))[0]


async def _covered_on(tx: Transaction, request: EnrolMember) -> MemberRow | None:
    members = await members_by_number(tx, [request.payer_organization_id], request.member_number)
    return next((one for one in members if one.effective_from <= request.service_date <= one.effective_to), None)


def _wanted(ctx: Context, request: EnrolMember) -> list[str]:
    return [name for name in (request.policy_class, ctx.config.enrol_class) if name]
