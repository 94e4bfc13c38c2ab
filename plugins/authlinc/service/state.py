"""What this agent keeps in memory, one for each process."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authlinc.contract import OrganizationInfo
from masterlinc.context import Context
from masterlinc.security.passwords import Passwords

_AGENT = "authlinc"


@dataclass
class State:
    """The password hasher, the opened signing keys (newest first), and the directory as it was read last."""

    passwords: Passwords
    signing_keys: tuple[tuple[str, datetime, Ed25519PrivateKey], ...] = ()
    signing_keys_read: datetime | None = None
    organizations: dict[str | UUID, tuple[datetime, OrganizationInfo]] = field(default_factory=dict)


def open_state(ctx: Context) -> State:
    """Make the state of this process."""
    state = State(Passwords())
    ctx.services.kept[_AGENT] = state
    return state


def state_of(ctx: Context) -> State:
    """Return the state of this process."""
    state: State = ctx.services.kept[_AGENT]
    return state
