"""Finding a person among the members of some payers."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from masterlinc.db import Transaction
from masterlinc.sealing import Vault
from policylinc.persons import Person, blinds
from policylinc.queries import blinds_of, member_by_id, members_by_blind, members_by_number
from policylinc.records import MemberRow


async def matching_members(vault: Vault, tx: Transaction, payers: Collection[UUID], person: Person) -> list[MemberRow]:
    """Return who a person may be: by member number first, by identifiers where no number matches."""
    if person.member_id is not None:
        found = [await member_by_id(tx, payer, person.member_id) for payer in sorted(payers)]
        return [member for member in found if member is not None]
    if person.member_number and (members := await members_by_number(tx, payers, person.member_number)):
        return members
    return await members_by_blind(tx, blinds(vault, sorted(payers), person)) if person.identifiers else []


async def contradicts(vault: Vault, tx: Transaction, member: MemberRow, person: Person) -> bool:
    """Say whether a member who was found by number carries other identifiers than the person's."""
    if not person.identifiers:
        return False
    known = await blinds_of(tx, member)
    return bool(known) and known.isdisjoint(value for _, value in blinds(vault, [member.organization_id], person))


def best_of(members: Sequence[MemberRow], day: date, policy_ids: Collection[UUID] = ()) -> MemberRow | None:
    """Choose among covers of one person: the named policy's, then the one of that day, then the latest."""
    return max(members, key=lambda one: _rank(one, day, policy_ids), default=None)


def _rank(member: MemberRow, day: date, policy_ids: Collection[UUID]) -> tuple[bool, bool, date]:
    in_force = member.effective_from <= day <= member.effective_to
    return member.policy_id in policy_ids, in_force, member.effective_from
