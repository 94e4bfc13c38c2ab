"""Whose licence a message is sent under."""

from authlinc.contract import LoadOrganization, OrganizationInfo
from masterlinc.context import Context
from nphieslinc.envelope import Envelope
from nphieslinc.faults import BrokenRule


async def sender_faults(ctx: Context, envelope: Envelope) -> list[BrokenRule]:
    """A message is sent under a licence of its sender's own organization (GE-00020)."""
    own = await ctx.call(LoadOrganization(ctx.principal.organization_id), OrganizationInfo)
    if envelope.sender in own.licenses:
        return []
    detail = f"the licence {envelope.sender} is none of your organization's"
    detail_ar = f"الترخيص {envelope.sender} ليس من تراخيص منشأتك"
    return [BrokenRule("GE-00020", f"{envelope.header.path}.sender.identifier.value", detail, detail_ar)]
