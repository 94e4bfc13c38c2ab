"""Roles and what they grant, from `config/rbac.toml`."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from masterlinc.errors import StartupError

_PERMISSION = re.compile(r"[a-z][a-z_]*:[a-z][a-z_]*", re.ASCII)


class Role(Struct, frozen=True, forbid_unknown_fields=True):
    """A role: its names, the permissions that it grants, and the roles that its holders may give to others."""

    title: str
    title_ar: str
    grants: tuple[str, ...]
    second_factor: bool = False  # its users sign in with a second factor
    may_give: tuple[str, ...] = ()
    assignable: bool = True  # false: it comes with a token for a while, and no account holds it


class Rbac(Struct, frozen=True, forbid_unknown_fields=True):
    """The roles of the system."""

    roles: dict[str, Role]

    def permissions_of(self, roles: Iterable[str]) -> frozenset[str]:
        """Return what these roles grant together; an unknown role grants nothing."""
        return frozenset(grant for name in roles if (role := self.roles.get(name)) for grant in role.grants)

    def givable(self, roles: Iterable[str]) -> frozenset[str]:
        """Return the roles that holders of these may give; an unknown role may give none."""
        return frozenset(given for name in roles if (role := self.roles.get(name)) for given in role.may_give)

    def check(self, declared: Iterable[str]) -> None:
        """Raise StartupError when a role grants what no installed agent declares."""
        unknown = {grant for role in self.roles.values() for grant in role.grants} - set(declared)
        if unknown:
            raise StartupError(f"rbac.toml grants what no installed agent declares: {', '.join(sorted(unknown))}")


def load(path: Path) -> Rbac:
    """Read the roles; raises StartupError with one line."""
    try:
        rbac = msgspec.toml.decode(path.read_bytes(), type=Rbac)
    except OSError:
        raise StartupError(f"configuration: there is no file {path}") from None
    except (msgspec.DecodeError, msgspec.ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise StartupError(f"configuration: {path}: {fault}") from None
    for name, role in rbac.roles.items():
        if wrong := _fault(rbac, role):
            raise StartupError(f"configuration: {path}: role {name} {wrong}")
    return rbac


def _fault(rbac: Rbac, role: Role) -> str:
    for grant in role.grants:
        if not _PERMISSION.fullmatch(grant):
            return f"grants {grant!r}, not like 'claim:read'"
    for given in role.may_give:
        if given not in rbac.roles or not rbac.roles[given].assignable:
            return f"may give {given!r}, which is no role that an account can hold"
    return ""
