"""The roles of the system, as `rbac.toml` has them."""

from authlinc.schemas import RoleView
from masterlinc.context import Context


def list_roles(ctx: Context) -> list[RoleView]:
    """Return the roles that an account can hold, by name."""
    rbac = ctx.services.verifier.rbac
    givable = rbac.givable(ctx.principal.roles)
    return [
        RoleView(
            role=name,
            title=role.title,
            title_ar=role.title_ar,
            permissions=tuple(sorted(role.grants)),
            may_give=name in givable,
        )
        for name, role in sorted(rbac.roles.items())
        if role.assignable
    ]
