"""Settings of this agent: `[agents.authlinc]`."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from masterlinc.secrets import Secret

LONGEST_EMERGENCY = timedelta(minutes=60)


class Mail(Struct, forbid_unknown_fields=True, kw_only=True):
    """How mails leave: over verified TLS only."""

    host: str = ""  # of the SMTP server; empty: no mail is sent
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls"] = "starttls"
    username: str = ""
    password: Secret = field(default_factory=Secret)
    authorities: str = ""  # PEM file of the authorities of the server's certificate; empty: the system's
    sender: str = ""
    timeout_seconds: Annotated[float, Meta(gt=0, le=120)] = 20.0
    per_hour: Annotated[int, Meta(ge=1, le=100)] = 5  # mails to an address
    reset_minutes: Annotated[int, Meta(ge=5, le=120)] = 30
    invitation_hours: Annotated[int, Meta(ge=1, le=168)] = 72
    page: Annotated[str, Meta(pattern=r"^/[A-Za-z0-9/._-]*$")] = "/choose-password"  # behind http.public_url

    def __post_init__(self) -> None:
        """Refuse a server without a sender."""
        if self.host and not self.sender:
            raise ValueError("mail.sender is not set: the address that mails come from")


Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]


class Provider(Struct, forbid_unknown_fields=True, kw_only=True):
    """An OpenID Connect provider that users sign in with."""

    issuer: Annotated[str, Meta(pattern=r"^https://[^\s?#]+[^\s?#/]$")]
    client_id: str
    client_secret: Secret = field(default_factory=Secret)
    title: str
    title_ar: str
    scope: str = "openid"
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    authorities: str = ""  # PEM file of the authorities of the provider's certificate; empty: the system's
    second_factor: bool = False  # the provider asks for a second factor itself: ours is not asked for


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """How long tokens and sessions live, what a password is, and how wrong ones are slowed down."""

    access_minutes: Annotated[int, Meta(ge=1, le=60)] = 10
    idle_minutes: Annotated[int, Meta(ge=5, le=720)] = 60  # a session that is not refreshed ends
    absolute_hours: Annotated[int, Meta(ge=1, le=24)] = 12  # a session ends, however active
    failures_before_pause: Annotated[int, Meta(ge=2, le=100)] = 5
    pause_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30  # doubles with every further failure
    longest_pause_seconds: Annotated[int, Meta(ge=1, le=86400)] = 900
    forget_failures_minutes: Annotated[int, Meta(ge=5, le=1440)] = 60
    api_key_days: Annotated[int, Meta(ge=1, le=365)] = 365  # the longest life of an API key
    api_key_overlap_hours: Annotated[int, Meta(ge=0, le=168)] = 24  # a rotated key's old secret works on
    api_keys_most: Annotated[int, Meta(ge=1, le=1000)] = 100  # of an organization, at a time
    second_factor_by_role: bool = True  # roles of rbac.toml may ask for a second factor
    address_failures_before_pause: Annotated[int, Meta(ge=10, le=100_000)] = 50
    spraying_accounts: Annotated[int, Meta(ge=5, le=10_000)] = 20  # tried from one network, or with one password
    known_device_days: Annotated[int, Meta(ge=1, le=365)] = 90
    sessions_per_user: Annotated[int, Meta(ge=1, le=100)] = 10  # of more, the one used longest ago ends
    password_length: Annotated[int, Meta(ge=8, le=64)] = 15
    mail: Mail = field(default_factory=Mail)
    providers: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")], Provider] = {}
    blocked_passwords: str = ""  # a file of further passwords that nobody may choose, one on each line

    @property
    def access(self) -> timedelta:
        """Return how long an access token lives."""
        return timedelta(minutes=self.access_minutes)

    @property
    def longest_access(self) -> timedelta:
        """Return how long any access token lives at most."""
        return max(self.access, LONGEST_EMERGENCY)

    @property
    def known_device(self) -> timedelta:
        """Return how long a device is known by the refresh token of a session that it had."""
        return timedelta(days=self.known_device_days)

    @property
    def idle(self) -> timedelta:
        """Return how long a refresh token lives."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute(self) -> timedelta:
        """Return how long a session lives at most."""
        return timedelta(hours=self.absolute_hours)

    @property
    def forget(self) -> timedelta:
        """Return after how long wrong passwords count no more."""
        return timedelta(minutes=self.forget_failures_minutes)
