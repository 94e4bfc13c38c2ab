"""Whom a provider means by its own patient number: asked of doctorlinc, where the system runs it."""

from doctorlinc.contract import FindPatient, FoundPatient
from masterlinc.context import Context
from masterlinc.errors import NotFound
from masterlinc.ids import looks_like, parse
from policylinc.contract import PersonIdentifier
from policylinc.persons import Person, person_named


async def person_of(ctx: Context, reference: str) -> Person:
    """Return what a patient is looked for by; nothing where a patient number says nothing to us."""
    if looks_like("MBR", reference):
        return Person(member_id=parse("MBR", reference))
    if not looks_like("PAT", reference):
        return person_named(reference)
    if not ctx.enabled("doctorlinc"):
        return Person()
    try:
        patient = await ctx.call(FindPatient(reference), FoundPatient)
    except NotFound:
        return Person()
    identifiers = tuple(PersonIdentifier(one.system, one.value) for one in patient.identifiers if one.valid)
    return Person(patient.member_number or None, identifiers)
