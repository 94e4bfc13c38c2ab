"""Over whose accounts a caller may decide: those whose every role the caller's own roles may give."""

from collections.abc import Iterable

from authlinc.management_errors import RoleNotYours
from masterlinc.context import Context


def require_givable(ctx: Context, roles: Iterable[str]) -> None:
    """Raise RoleNotYours unless the caller's own roles may give each of these."""
    if not set(roles) <= ctx.services.verifier.rbac.givable(ctx.principal.roles):
        raise RoleNotYours
