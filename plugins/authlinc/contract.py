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


# The system that an organization's licences are of.
LICENSE_SYSTEMS = {
    OrganizationKind.PROVIDER: "http://nphies.sa/license/provider-license",
    OrganizationKind.PAYER: "http://nphies.sa/license/payer-license",
    OrganizationKind.OPERATOR: "http://nphies.sa/license/operator",
}


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


class AskColleague(Struct, frozen=True):
    """Ask whether a user of the caller's organization may do something."""

    user_id: UUID
    permission: str


class Colleague(Struct, frozen=True):
    """Whether there is such a user, who may sign in and do it."""

    may: bool


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


class SessionReused(Struct, frozen=True, tag="authlinc.session_reused.v1"):
    """A refresh token was used twice: thief and owner cannot be told apart, so the session was ended."""

    session_id: UUID
    organization_id: UUID


class Attack(StrEnum):
    """How somebody guesses at accounts."""

    ACCOUNT = "account"  # many tries at one account
    ADDRESS = "address"  # many tries from one address
    NETWORK = "network"  # tries at many accounts from one network
    PASSWORD = "password"  # noqa: S105 - one password tried at many accounts


class LoginAttacked(Struct, frozen=True, tag="authlinc.login_attacked.v1"):
    """Wrong tries to sign in became many, at an account of the organization; without one, its number is all zeros."""

    kind: Attack
    organization_id: UUID
    user_id: UUID | None = None
    network: str = ""


class BreakGlassOpened(Struct, frozen=True, tag="authlinc.break_glass_opened.v1"):
    """Somebody opened an organization's records in an emergency: whoever answers for them wants to know now."""

    grant_id: UUID
    organization_id: UUID
    home_organization_id: UUID
    user_id: UUID
