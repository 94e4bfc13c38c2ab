"""Who acts, as audit rows name them."""

from uuid import UUID

from msgspec import Struct


class Actor(Struct, frozen=True):
    """Who acts, for the audit row."""

    id: UUID | None = None
    kind: str = "service"
    session_id: UUID | None = None
    trace_id: str = ""
    address: str = ""
    organization_id: UUID | None = None
    purpose: str = ""

    @property
    def source(self) -> "Source":
        """Return what each of the actor's audit rows says of it beside the arguments of `masterlinc.write_audit`."""
        return Source(self.address, self.purpose, self.organization_id)


class Source(Struct, frozen=True):
    """From where somebody acts, why, and for whom."""

    address: str
    purpose: str
    actor_organization_id: UUID | None
