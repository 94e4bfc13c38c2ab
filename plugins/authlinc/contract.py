"""What other agents may know of organizations and users."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

# The licences of the demo data's organizations; a demo person's `payer` is a place in DEMO_PAYERS.
DEMO_PAYERS = ("N-I-00001", "INS-FHIR", "N-I-00002")
DEMO_PROVIDERS = ("N-F-00001", "N-F-00002", "N-F-00003", "N-F-00005")  # hospital, pharmacy, dental, optical clinic


class OrganizationKind(StrEnum):
    """What an organization is on the exchange."""

    PROVIDER = "provider"
    PAYER = "payer"
    OPERATOR = "operator"


class FindOrganization(Struct, frozen=True):
    """Find an organization by ORG- number or NPHIES licence."""

    reference: str


class OrganizationInfo(Struct, frozen=True):
    """An organization that takes part in the exchange; `found` is false when there is none."""

    found: bool
    organization_id: UUID | None = None
    name: str = ""
    name_ar: str = ""
    kind: OrganizationKind | None = None
    licenses: tuple[str, ...] = ()


class LoadOrganization(Struct, frozen=True):
    """Load an organization by its id."""

    organization_id: UUID


class UserLoggedIn(Struct, frozen=True, tag="authlinc.user_logged_in.v1"):
    """A user signed in."""

    user_id: UUID
    organization_id: UUID


class SessionRevoked(Struct, frozen=True, tag="authlinc.session_revoked.v1"):
    """A session ended before its time."""

    session_id: UUID
    organization_id: UUID


class SecondFactorReset(Struct, frozen=True, tag="authlinc.second_factor_reset.v1"):
    """An administrator took a user's lost second factor away: whoever watches over accounts wants to know."""

    user_id: UUID
    organization_id: UUID
    by_user_id: UUID
