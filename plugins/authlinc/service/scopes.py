"""What a machine may be given: rights over the business, never over accounts and keys."""

from collections.abc import Sequence

from masterlinc.context import Context
from masterlinc.errors import FieldError

_MACHINE_ROLE = "service"
# Who holds a machine's key must not be able to make users, keys or sessions with it.
_OF_PEOPLE = frozenset({"session", "account", "user", "role", "access", "factor", "api_key", "client", "organization"})
_STILL_FINE = frozenset({"organization:read"})


def grantable(ctx: Context) -> frozenset[str]:
    """Return what the caller may give to a machine: their own rights, and those of its role if they may give it."""
    rbac, granted = ctx.services.verifier.rbac, ctx.principal.permissions
    if _MACHINE_ROLE in rbac.givable(ctx.principal.roles):
        granted |= rbac.permissions_of((_MACHINE_ROLE,))
    return frozenset(one for one in granted if one.partition(":")[0] not in _OF_PEOPLE or one in _STILL_FINE)


def checked(ctx: Context, asked: Sequence[str]) -> tuple[tuple[str, ...], list[FieldError]]:
    """Return the scopes that were asked for, each once, and a fault for each that the caller may not give."""
    allowed = grantable(ctx)
    faults = [
        FieldError(f"scopes[{place}]", "not-grantable", "you may not give this permission", "لا يمكنك منح هذه الصلاحية")
        for place, scope in enumerate(asked)
        if scope not in allowed
    ]
    if not asked:
        faults.append(FieldError("scopes", "required", "name at least one permission", "حدد صلاحية واحدة على الأقل"))
    return tuple(sorted(set(asked))), faults
