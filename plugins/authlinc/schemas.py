"""Bodies of requests and answers."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from authlinc.contract import OrganizationKind
from masterlinc.security.keys import Jwk

Names = Annotated[str, Meta(max_length=400)]  # the exact bound is of what is left without outer spaces
RoleName = Annotated[str, Meta(min_length=1, max_length=60)]
LicenseValue = Annotated[str, Meta(max_length=128)]


class LoginRequest(Struct, forbid_unknown_fields=True):
    """Who signs in."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]
    password: Annotated[str, Meta(min_length=6)]
    device_token: Annotated[str, Meta(max_length=200)] | None = None  # a refresh token of an earlier session


class VerifyRequest(Struct, forbid_unknown_fields=True):
    """A token to look at."""

    token: str


class RefreshRequest(Struct, forbid_unknown_fields=True):
    """A refresh token to trade for new tokens."""

    refresh_token: str


class SignedIn(Struct):
    """The tokens of a session."""

    access_token: str
    token_type: str
    expires_in: int
    user_id: str
    email: str
    roles: tuple[str, ...]
    refresh_token: str
    organization_id: str


class Verified(Struct):
    """Whether a token is valid now, and whose it is."""

    valid: bool
    user_id: str | None = None
    email: str | None = None
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None


class SignedOut(Struct):
    """The session has ended."""

    message: str
    message_ar: str


class Me(Struct):
    """The signed-in user."""

    user_id: str
    email: str
    name: str
    name_ar: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    organization_id: str
    organization_name: str
    organization_name_ar: str
    expires_at: datetime


class KeySet(Struct):
    """The public keys that our tokens verify with (RFC 7517)."""

    keys: list[Jwk]


class UserForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A user to make; they choose their password themselves."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]
    name: Names
    name_ar: Names
    roles: Annotated[tuple[RoleName, ...], Meta(max_length=16)]


class UserChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a user."""

    name: Names | UnsetType = UNSET
    name_ar: Names | UnsetType = UNSET
    roles: Annotated[tuple[RoleName, ...], Meta(max_length=16)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class UserView(Struct, frozen=True, kw_only=True):
    """A user as administrators see them."""

    user_id: str
    email: str
    name: str
    name_ar: str
    roles: tuple[str, ...]
    enabled: bool
    has_password: bool
    created_at: datetime


class UserPage(Struct, frozen=True, kw_only=True):
    """A page of users; `total` is exact to 1,000."""

    users: list[UserView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class NamesChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of one's own profile."""

    name: Names | UnsetType = UNSET
    name_ar: Names | UnsetType = UNSET


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A new password of one's own."""

    current_password: str
    new_password: str


class SessionView(Struct, frozen=True, kw_only=True):
    """A session that is open."""

    session_id: str
    opened_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
    opened_by: str | None
    address: str | None
    current: bool


class Sessions(Struct, frozen=True):
    """The open sessions of a user, the one used last first."""

    sessions: list[SessionView]


class Ended(Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


class RoleView(Struct, frozen=True, kw_only=True):
    """A role; `may_give` says whether the caller's own roles may give it."""

    role: str
    title: str
    title_ar: str
    permissions: tuple[str, ...]
    may_give: bool


class Roles(Struct, frozen=True):
    """The roles of the system."""

    roles: list[RoleView]


class OrganizationForm(Struct, frozen=True, forbid_unknown_fields=True):
    """An organization to make."""

    kind: OrganizationKind
    name: Names
    name_ar: Names
    licenses: Annotated[tuple[LicenseValue, ...], Meta(max_length=50)] = ()


class OrganizationChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of an organization; `licenses` replaces all that it has."""

    name: Names | UnsetType = UNSET
    name_ar: Names | UnsetType = UNSET
    licenses: Annotated[tuple[LicenseValue, ...], Meta(max_length=50)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class OrganizationView(Struct, frozen=True, kw_only=True):
    """An organization of the directory."""

    organization_id: str
    kind: OrganizationKind
    name: str
    name_ar: str
    licenses: tuple[str, ...]
    enabled: bool


class OrganizationPage(Struct, frozen=True, kw_only=True):
    """A page of organizations; `total` is exact to 1,000."""

    organizations: list[OrganizationView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class AdministratorForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The first administrator of an organization; the role follows from its kind."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]
    name: Names
    name_ar: Names


class BreakGlassForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An emergency: why, and whose records; without an organization those of the caller's own."""

    reason: Annotated[str, Meta(max_length=1000)]
    patient_id: str | None = None
    organization_id: str | None = None
    minutes: Annotated[int, Meta(ge=1, le=60)] = 15


class GrantOpened(Struct, frozen=True, kw_only=True):
    """An emergency access and its token."""

    grant_id: str
    access_token: str
    token_type: str
    expires_in: int
    organization_id: str
    patient_id: str | None
    expires_at: datetime


class GrantView(Struct, frozen=True, kw_only=True):
    """An emergency access as those see it who made it, suffered it or review it."""

    grant_id: str
    organization_id: str
    home_organization_id: str
    user_id: str
    patient_id: str | None
    reason: str
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    open: bool


class Grants(Struct, frozen=True):
    """Emergency accesses, the newest first."""

    grants: list[GrantView]
