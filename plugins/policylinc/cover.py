"""Finding a member's cover at a payer, and enrolling whom the simulator meets."""

from datetime import date
from uuid import UUID

from msgspec.structs import replace

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.ids import show
from policylinc import wording
from policylinc.contract import CoverStatus, FindCover, FoundCover
from policylinc.matching import best_of, contradicts, matching_members
from policylinc.newborns import look_for_newborn
from policylinc.persons import Person
from policylinc.queries import payers, payers_of_policy, policies_by_number, policy_by_id
from policylinc.reach import payer_of_license, within_reach
from policylinc.records import MemberRow, PolicyRow, cover_status
from policylinc.wording import Words

_NO_REASON = Words("", "")


async def find_cover(ctx: Context, request: FindCover) -> FoundCover:
    """Find whom a claim is for, in the scope of the payers that the caller may ask; the finding is audited there."""
    reach = await _payers_to_ask(ctx, request)
    if not reach:
        return _nobody(wording.no_payer())
    person = Person(request.member_number or None, request.identifiers)
    async with ctx.transaction(reach) as tx:
        members = await matching_members(ctx.vault, tx, reach, person)
        if len({member.organization_id for member in members}) > 1:
            members = await _of_named_policy(tx, reach, members, request.policy_number)
        if len({member.organization_id for member in members}) > 1:
            return _nobody(wording.several_payers())
        named = await _named_policies(tx, reach, request.policy_number)
        member = best_of(members, request.service_date, named)
        if member is None:
            return _nobody(wording.no_member())
        infant = await look_for_newborn(ctx.vault, tx, request, member)
        if infant.refusal is not None:
            return _nobody(infant.refusal)
        member = infant.member
        policy = await policy_by_id(tx, member.organization_id, member.policy_id)
        assert policy is not None, "the foreign key says so"
        reason = await _reason(ctx, tx, policy, member, request) if not infant.newborn else _NO_REASON
        audit_cover_read(tx, member)
    found = found_cover(policy, member, request.service_date, reason)
    return replace(found, newborn=infant.newborn)


def audit_cover_read(tx: Transaction, member: MemberRow) -> None:
    """Leave a row in the payer's audit: somebody looked at a member's cover."""
    tx.audit(
        "policy.cover_read",
        "member",
        show("MBR", member.id),
        organization_id=member.organization_id,
        patient=member.id,
    )


def found_cover(policy: PolicyRow, member: MemberRow, day: date, reason: Words = _NO_REASON) -> FoundCover:
    """Return a member's cover on a day."""
    return FoundCover(
        found=True,
        payer_organization_id=policy.organization_id,
        member_id=member.id,
        policy_id=policy.id,
        policy_number=policy.policy_number,
        policy_class=policy.policy_class,
        status=cover_status(policy, member, day),
        reason=reason.en,
        reason_ar=reason.ar,
    )


async def _payers_to_ask(ctx: Context, request: FindCover) -> frozenset[UUID]:
    if request.payer_license:
        payer = await payer_of_license(ctx, request.payer_license)
        return await within_reach(ctx, frozenset({payer})) if payer else frozenset()
    async with ctx.transaction() as tx:
        known = frozenset[UUID]()
        if request.policy_number:
            known = await payers_of_policy(tx, request.policy_number)
        known = known or await payers(tx)
    return await within_reach(ctx, known)


async def _named_policies(tx: Transaction, reach: frozenset[UUID], policy_number: str | None) -> frozenset[UUID]:
    if not policy_number:
        return frozenset()
    return frozenset(policy.id for policy in await policies_by_number(tx, reach, policy_number))


async def _of_named_policy(
    tx: Transaction, reach: frozenset[UUID], members: list[MemberRow], policy_number: str | None
) -> list[MemberRow]:
    named = await _named_policies(tx, reach, policy_number)
    return [member for member in members if member.policy_id in named] or members


async def _reason(ctx: Context, tx: Transaction, policy: PolicyRow, member: MemberRow, request: FindCover) -> Words:
    status = cover_status(policy, member, request.service_date)
    if status is not CoverStatus.ACTIVE:
        return wording.cover_not_active(policy, member, status, request.service_date)
    if await contradicts(ctx.vault, tx, member, Person(None, request.identifiers)):
        return wording.other_identifiers(member)
    return _NO_REASON


def _nobody(reason: Words) -> FoundCover:
    return FoundCover(found=False, reason=reason.en, reason_ar=reason.ar)
