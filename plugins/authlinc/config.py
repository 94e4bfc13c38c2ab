"""Settings of this agent: `[agents.authlinc]`."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

LONGEST_EMERGENCY = timedelta(minutes=60)


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
