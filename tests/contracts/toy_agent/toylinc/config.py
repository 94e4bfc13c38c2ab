"""Settings of the agent: the section [agents.toylinc]."""

from msgspec import Struct


class ToyConfig(Struct, forbid_unknown_fields=True, kw_only=True):
    """How it greets."""

    greeting: str
    sick: bool = False  # answers the health check with a fault
