"""Which payers a caller may ask about: a payer only itself, a provider any of them."""

from uuid import UUID

from authlinc.contract import FindOrganization, LoadOrganization, OrganizationInfo, OrganizationKind
from masterlinc.context import Context

_EVERYWHERE = frozenset({OrganizationKind.PROVIDER, OrganizationKind.OPERATOR})


async def within_reach(ctx: Context, payers: frozenset[UUID]) -> frozenset[UUID]:
    """Return those of the payers that the caller may ask about."""
    who = ctx.principal
    if who.kind == "service" or payers <= who.organizations:
        return payers
    home = await ctx.call(LoadOrganization(who.organization_id), OrganizationInfo)
    return payers if home.kind in _EVERYWHERE else payers & who.organizations


async def payer_of_license(ctx: Context, reference: str) -> UUID | None:
    """Return the payer of a licence or ORG- number."""
    found = await ctx.call(FindOrganization(reference), OrganizationInfo)
    return found.organization_id if found.found and found.kind is OrganizationKind.PAYER else None
