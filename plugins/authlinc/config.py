"""Settings of this agent: `[agents.authlinc]`."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """How long tokens and sessions live, and how wrong passwords are slowed down."""

    access_minutes: Annotated[int, Meta(ge=1, le=60)] = 10
    idle_minutes: Annotated[int, Meta(ge=5, le=720)] = 60  # a session that is not refreshed ends
    absolute_hours: Annotated[int, Meta(ge=1, le=24)] = 12  # a session ends, however active
    failures_before_pause: Annotated[int, Meta(ge=2, le=100)] = 5
    pause_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30  # doubles with every further failure
    longest_pause_seconds: Annotated[int, Meta(ge=1, le=86400)] = 900
    forget_failures_minutes: Annotated[int, Meta(ge=5, le=1440)] = 60
    second_factor_by_role: bool = True  # roles of rbac.toml may ask for a second factor

    @property
    def access(self) -> timedelta:
        """Return how long an access token lives."""
        return timedelta(minutes=self.access_minutes)

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
