"""Who a claim names: organizations and practitioners, remembered for a while, and patients, never remembered."""

from datetime import timedelta
from typing import TypeVar, cast
from uuid import UUID

from msgspec import Struct

from authlinc.contract import FindOrganization, LoadOrganization, OrganizationInfo, OrganizationKind
from doctorlinc.contract import FindPatient, FindPractitioner, FoundPatient, FoundPractitioner
from masterlinc.context import Context
from masterlinc.memory import Memory

NOBODY = OrganizationInfo(found=False)
_AGENT = "claimlinc"

A = TypeVar("A", bound=Struct)


class Provider(Struct, frozen=True):
    """The provider that bills, and the practitioner where the claim names one."""

    organization: OrganizationInfo
    practitioner: FoundPractitioner | None = None


async def find_organization(ctx: Context, reference: str) -> OrganizationInfo:
    """Find an organization by number or licence."""
    if not reference:
        return NOBODY
    return await _remembered(ctx, ("organization", reference), FindOrganization(reference), OrganizationInfo)


async def find_payer(ctx: Context, reference: str | None) -> OrganizationInfo:
    """Find a payer by number or licence."""
    found = await find_organization(ctx, reference or "")
    return found if found.kind is OrganizationKind.PAYER else NOBODY


async def load_organization(ctx: Context, organization_id: UUID) -> OrganizationInfo:
    """Load an organization by its id."""
    key = ("organization", str(organization_id))
    return await _remembered(ctx, key, LoadOrganization(organization_id), OrganizationInfo)


async def find_provider(ctx: Context, reference: str | None) -> Provider | None:
    """Find who bills: an organization or practitioner by number or licence, else the caller's own organization.

    None where the reference names a provider that the caller does not act for.
    """
    if reference:
        named = await find_organization(ctx, reference)
        if named.found and named.kind is OrganizationKind.PROVIDER:
            return Provider(named) if named.organization_id in ctx.principal.organizations else None
    own = await load_organization(ctx, ctx.principal.organization_id)
    if not reference or not ctx.enabled("doctorlinc"):
        return Provider(own)
    key = (f"practitioner/{ctx.principal.organization_id}", reference)
    practitioner = await _remembered(ctx, key, FindPractitioner(reference), FoundPractitioner)
    return Provider(own, practitioner if practitioner.found else None)


async def find_patient(ctx: Context, reference: str) -> FoundPatient:
    """Find a patient of the caller's organization; nobody where doctorlinc is disabled."""
    if not reference or not ctx.enabled("doctorlinc"):
        return FoundPatient(found=False)
    return await ctx.call(FindPatient(reference), FoundPatient)


async def _remembered(ctx: Context, key: tuple[str, str], request: Struct, answer: type[A]) -> A:
    """Ask another agent, at most once in a while: licences change by the day, claims come by the millisecond."""
    memory = _memory(ctx)
    kept = memory.get(key)
    if kept is not None:
        return cast("A", kept)
    found = await ctx.call(request, answer)
    memory.keep(found, key)
    return found


def _memory(ctx: Context) -> Memory[tuple[str, str], Struct]:
    """Return what this process remembers of whom claims name."""
    memory: Memory[tuple[str, str], Struct] | None = ctx.services.kept.get(_AGENT)
    if memory is None:
        memory = Memory(ctx.clock, timedelta(seconds=ctx.config.references_seconds))
        ctx.services.kept[_AGENT] = memory
    return memory
