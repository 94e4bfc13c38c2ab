"""Whose codes and keys a caller may use."""

from uuid import UUID

from masterlinc.context import Context
from masterlinc.errors import NotFound


def require_scope(ctx: Context, organization_id: UUID) -> None:
    """Raise NotFound for an organization that is not the caller's."""
    if organization_id not in ctx.principal.organizations:
        raise NotFound
