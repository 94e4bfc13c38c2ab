"""Newborns on their mother's cover: up to 90 days of age, as long as they have no enrolment of their own (BV-00506)."""

from datetime import date, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from masterlinc.db import Transaction
from masterlinc.sealing import Vault
from policylinc import wording
from policylinc.contract import FindCover, Terms
from policylinc.persons import Person, blinds
from policylinc.queries import birth_and_gender, children_of, members_by_blind
from policylinc.records import MemberRow
from policylinc.wording import Words

DAYS = 90
# An assumption: a child under one who comes with the number of somebody older is theirs. Older ones are not looked at.
_INFANT_DAYS = 365


class Infant(NamedTuple):
    """Whose cover holds: the one that was found, the mother's for a newborn, or the child's own."""

    member: MemberRow
    newborn: bool = False
    refusal: Words | None = None


async def look_for_newborn(vault: Vault, tx: Transaction, request: FindCover, member: MemberRow) -> Infant:
    """Say whether the patient is an infant who was found by a parent's number, and whose cover holds then."""
    born, day = request.birth_date, request.service_date
    if born is None or not born <= day <= born + timedelta(days=_INFANT_DAYS):
        return Infant(member)
    known, gender = await birth_and_gender(tx, member, day)
    if known is None or known >= born:
        return Infant(member)
    own = await _enrolled(vault, tx, request, member, born)
    if own is not None:
        return Infant(own)
    if gender == "male":
        return Infant(member, refusal=wording.newborn_of_mother())
    if day > _last_day(born):
        return Infant(member, refusal=wording.newborn_over(DAYS))
    return Infant(member, newborn=True)


def newborn_terms(terms: Terms, born: date) -> Terms:
    """Return the mother's terms for her newborn: from the birth on and no longer than the newborn's days."""
    return replace(
        terms,
        effective_date=max(terms.effective_date, born),
        expiry_date=min(terms.expiry_date, _last_day(born)),
        birth_date=born,
        sex=None,  # as claimed
        relationship="child",
    )


def _last_day(born: date) -> date:
    return born + timedelta(days=DAYS)


async def _enrolled(
    vault: Vault, tx: Transaction, request: FindCover, parent: MemberRow, born: date
) -> MemberRow | None:
    """Find the child's own cover on the day: by its identifiers, or as the one child of the parent born that day."""
    named = blinds(vault, [parent.organization_id], Person(None, request.identifiers))
    carriers = await members_by_blind(tx, named) if named else []
    others = [one for one in carriers if one.person_id != parent.person_id]
    if not others:
        others = await children_of(tx, parent, born, request.service_date)
    holding = [one for one in others if one.effective_from <= request.service_date <= one.effective_to]
    return holding[0] if len({one.person_id for one in holding}) == 1 else None
