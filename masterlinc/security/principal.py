"""Who acts: a user with a verified token, a machine with its key, or a service of this process."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from masterlinc.errors import Forbidden

NOBODY = UUID(int=0)  # matches no row: no organization, user or session has this key


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller and the organizations whose rows it may touch."""

    user_id: UUID
    organization_id: UUID
    organizations: frozenset[UUID]
    roles: frozenset[str]
    permissions: frozenset[str]
    session_id: UUID
    kind: Literal["user", "key", "service", "anonymous"]  # a key is a machine's
    expires_at: datetime
    purpose: str = ""  # why, where the token says so: an emergency, and which
    home_id: UUID | None = None  # of a user who acts in another organization's scope

    @property
    def home(self) -> UUID:
        """Return the organization that the caller's account belongs to."""
        return self.home_id or self.organization_id

    def may(self, permission: str) -> bool:
        """Say whether the caller holds a permission; a service is our own code, bound by its organizations."""
        return self.kind == "service" or permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the caller holds the permission."""
        if not self.may(permission):
            raise Forbidden


ANONYMOUS = Principal(
    user_id=NOBODY,
    organization_id=NOBODY,
    organizations=frozenset(),
    roles=frozenset(),
    permissions=frozenset(),
    session_id=NOBODY,
    kind="anonymous",
    expires_at=datetime.max.replace(tzinfo=UTC),
)


def machine_principal(
    organization_id: UUID, credential_id: UUID, scopes: Iterable[str], expires_at: datetime
) -> Principal:
    """Return the principal of a machine's key or client: of one organization, with these rights and no role."""
    return Principal(
        user_id=credential_id,
        organization_id=organization_id,
        organizations=frozenset({organization_id}),
        roles=frozenset(),
        permissions=frozenset(scopes),
        session_id=credential_id,
        kind="key",
        expires_at=expires_at,
    )


def service_principal(name: str, organizations: frozenset[UUID]) -> Principal:
    """Return the principal of work that this process does by itself, as `name`; never made from a token."""
    home = next(iter(organizations)) if len(organizations) == 1 else NOBODY
    return Principal(
        user_id=uuid5(NAMESPACE_URL, f"masterlinc:service:{name}"),
        organization_id=home,
        organizations=organizations,
        roles=frozenset({"service"}),
        permissions=frozenset(),
        session_id=NOBODY,
        kind="service",
        expires_at=datetime.max.replace(tzinfo=UTC),
    )


# Who calls a public route: nobody, with no right to anything.
