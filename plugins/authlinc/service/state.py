"""What this agent keeps in memory, one for each process."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authlinc.contract import OrganizationInfo
from authlinc.service import blocklist
from authlinc.service.blocklist import Blocklist
from authlinc.service.key_ring import KeyRing
from authlinc.service.provider_client import ProviderClient
from masterlinc.context import Context
from masterlinc.memory import Memory
from masterlinc.security.passwords import Passwords

_AGENT = "authlinc"
_REMEMBERED_FOR = timedelta(seconds=30)


@dataclass
class State:
    """The hasher, refused passwords, signing keys (newest first), API keys, and the directory as it was read last."""

    passwords: Passwords
    blocklist: Blocklist
    organizations: Memory[str | UUID, OrganizationInfo]
    signing_keys: tuple[tuple[str, datetime, Ed25519PrivateKey], ...] = ()
    signing_keys_read: datetime | None = None
    keys: KeyRing = field(default_factory=KeyRing)
    providers: dict[str, ProviderClient] = field(default_factory=dict)


def open_state(ctx: Context) -> State:
    """Make the state of this process."""
    state = State(Passwords(), blocklist.load(ctx.config.blocked_passwords), Memory(ctx.clock, _REMEMBERED_FOR))
    state.providers = {name: ProviderClient(one, ctx.clock) for name, one in ctx.config.providers.items()}
    ctx.services.kept[_AGENT] = state
    return state


def state_of(ctx: Context) -> State:
    """Return the state of this process."""
    state: State = ctx.services.kept[_AGENT]
    return state
